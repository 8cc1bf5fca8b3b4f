import type { Stage } from '../../../shared/migration/stage.ts'
import { REGISTERS } from './requests.ts'
import type { World } from './world.ts'

/** What a schedule is like: which faults and requests there are, how often, and how fast things go on. Each schedule has its own. */
export type Mood = {
  busy: Weights<Happening>
  idle: Weights<Happening>
  asks: Weights<Asked>
  faults: Weights<Fault>
  keys: string[]
  ways: number[]
}
type Happening = 'work' | 'ask' | 'operate' | 'fault' | 'wait'
type Likely = Record<Happening, number>
type Weights<K extends string> = (readonly [K, number])[]
type Asked = 'read' | 'list' | 'survey' | 'put' | 'remove' | 'increment' | 'both' | 'once' | 'again' | 'import'
type Fault = 'cut' | 'late commit' | 'cancel' | 'crash' | 'freeze' | 'away' | 'start' | 'delay'

/** What may happen next, while something could go on by itself and while nothing could. */
const happenings = ({ work, ask, operate, fault, wait }: Likely): Pick<Mood, 'busy' | 'idle'> => {
  const others = [
    ['ask', ask],
    ['operate', operate],
    ['fault', fault],
  ] as const
  return { busy: [['work', work], ...others, ['wait', wait]], idle: [...others, ['wait', wait + 2]] }
}

const asks: Weights<Asked> = [
  ['read', 40],
  ['list', 10],
  ['survey', 3],
  ['put', 18],
  ['remove', 8],
  ['increment', 8],
  ['both', 4],
  ['once', 8],
  ['again', 10],
  ['import', 6],
]
const faults: Weights<Fault> = [
  ['cut', 30],
  ['late commit', 25],
  ['cancel', 10],
  ['crash', 8],
  ['freeze', 8],
  ['away', 10],
  ['start', 20],
  ['delay', 25],
]

/** Half of the schedules look closely at a little: two kinds of request, a kind of fault or two, one key, one way through the stages. */
const narrow = ({ random }: World): Mood => ({
  ...happenings({
    work: random.pick([20, 40, 80]),
    ask: 16,
    operate: random.pick([4, 8]),
    fault: random.pick([3, 6]),
    wait: random.pick([0, 1, 3]),
  }),
  asks: [
    ['read', 10],
    [random.pick(asks)[0], 20],
    [random.pick(asks)[0], 10],
  ],
  faults: [
    [random.pick(faults)[0], 20],
    [random.pick(faults)[0], 10],
    ['start', 3],
  ],
  keys: [random.pick(REGISTERS)],
  ways: random.pick([[-1], [1], [-1, 1]]),
})

/** Places where rare things meet, looked at more often than chance would have it. */
export const places = {
  'in flight while dualwrite ends': { stage: 'dualwrite', asks: ['increment', 'read'], faults: ['delay'], ways: [-1, -1, 1], wait: 2 },
  'the way back from complete': { stage: 'complete', asks: ['increment', 'read'], faults: ['delay', 'away'], ways: [-1], wait: 9 },
  'the way back from rampdown': { stage: 'rampdown', asks: ['increment', 'put'], faults: ['delay'], ways: [-1, -1, 1], wait: 9 },
  'live gives its lease up': { stage: 'live', asks: ['put', 'read', 'read'], faults: ['delay', 'away', 'cancel'], ways: [1], wait: 1 },
  'live goes back to shadow': { stage: 'live', asks: ['put', 'list', 'list'], faults: ['delay'], ways: [-1], wait: 1 },
  'asleep while others go on': { stage: 'off', asks: ['put', 'read'], faults: ['freeze', 'start'], ways: [1], wait: 2 },
  'asked twice': { stage: 'dualwrite', asks: ['once', 'again', 'again', 'read'], faults: ['delay'], ways: [1, -1], wait: 0 },
  'done once in off': {
    stage: 'off',
    asks: ['once', 'again', 'increment', 'read'],
    faults: ['cut', 'late commit', 'delay'],
    ways: [1],
    wait: 1,
  },
  'waited for in off': { stage: 'off', asks: ['both', 'both', 'survey', 'read'], faults: ['freeze', 'start', 'delay'], ways: [1], wait: 2 },
  'waited for in dualwrite': {
    stage: 'dualwrite',
    asks: ['survey', 'survey', 'put', 'both'],
    faults: ['freeze', 'start', 'delay'],
    ways: [1],
    wait: 2,
  },
  'left behind in complete': {
    stage: 'complete',
    asks: ['both', 'list', 'survey'],
    faults: ['start', 'crash', 'freeze'],
    ways: [-1],
    wait: 9,
  },
  'refused once': { stage: 'dualwrite', asks: ['once', 'put', 'read'], faults: ['delay'], ways: [1, -1], wait: 0 },
  'refused without a unit': { stage: 'dualwrite', asks: ['put', 'put', 'read'], faults: ['delay'], ways: [1, -1], wait: 0 },
  'undone once': { stage: 'dualwrite', asks: ['once', 'put', 'read'], faults: ['cut', 'cancel'], ways: [1, -1], wait: 0 },
  'the flip to dualwrite': { stage: 'off', asks: ['put', 'increment', 'read'], faults: ['late commit', 'delay'], ways: [1], wait: 2 },
  'imports before dualwrite': { stage: 'off', asks: ['import', 'put', 'read'], faults: ['delay', 'cut'], ways: [1, 1, -1], wait: 2 },
  'lists and tombstones in live': { stage: 'live', asks: ['remove', 'list', 'read'], faults: ['delay', 'cancel'], ways: [-1, 1], wait: 1 },
} as const satisfies Record<string, { stage: Stage; asks: Asked[]; faults: Fault[]; ways: number[]; wait: number }>
export type Place = keyof typeof places

export const placed = ({ random }: World, place: Place): Mood => ({
  ...happenings({
    work: random.pick([30, 60]),
    ask: 14,
    operate: random.pick([4, 8]),
    fault: random.pick([3, 6, 10]),
    wait: places[place].wait,
  }),
  asks: places[place].asks.map(kind => [kind, 10]),
  faults: [...places[place].faults.map(kind => [kind, 10] as const), ['start', 2]],
  keys: [REGISTERS[0] as string],
  ways: [...places[place].ways],
})

export const moodOf = (world: World): Mood => {
  const { random } = world
  if (random.chance(0.5)) return narrow(world)
  const some = <K extends string>(weights: Weights<K>): Weights<K> =>
    weights.map(([kind, weight]) => [kind, random.chance(0.3) ? 0 : weight * random.pick([1, 1, 3])])
  return {
    ...happenings({
      work: random.pick([30, 60, 120]),
      ask: random.pick([10, 16, 24]),
      operate: random.pick([1, 4, 10]),
      fault: random.pick([0, 4, 8, 16]),
      wait: random.pick([0, 1, 4]),
    }),
    asks: [['read', 10], ...some(asks)],
    faults: [['start', 5], ...some(faults)],
    keys: REGISTERS,
    ways: [-1, 1],
  }
}
