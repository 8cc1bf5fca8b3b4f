import { setTimeout as wait } from 'node:timers/promises'
import { type Answer, type Asked, ask, insist } from '../support/ask.ts'
import { startChild } from '../support/children.ts'
import { ledgerFaults } from '../support/ledger.ts'
import { randomOf } from '../support/random.ts'

type Sql = <R>(text: string, values?: unknown[]) => Promise<R[]>

export type PaymentFaults = {
  /** The bundled gateway, and the environment that it runs in. */
  script: string
  environment: Record<string, string>
  adminKey: string
  sql: Sql
  seed: number
  operations: number
  clients: number
  /** How often the process is killed, and the database with it. */
  kills: number
  crashes: number
  crash?: () => Promise<void>
}

/** `faults` is what should not be, in words. */
export type PaymentsFound = { acknowledged: number; refused: number; repeated: number; left: number; faults: string[] }

/** What the callers were told of one intent. */
type Known = { ended: string | undefined; captured: number[]; refunded: Map<string, number> }
type Operation = Asked & { intent: string; done(answer: Answer): void }

const PATIENCE_MS = 120_000
const RECENT = 60

/** Every client moves the money of a few intents that all of them share, under a key for each operation, until it is told the outcome. */
export const loadPayments = async (options: PaymentFaults): Promise<PaymentsFound> => {
  const { script, environment, adminKey, sql, seed, operations, clients } = options
  const random = randomOf(seed)
  const found: PaymentsFound = { acknowledged: 0, refused: 0, repeated: 0, left: 0, faults: [] }
  const intents = new Map<string, Known>()
  const start = () => startChild([script], environment)
  let child = await start()
  let [begun, ended] = [0, 0]
  let pause: Promise<void> | undefined
  const { body } = await insist(child.url, adminKey, { method: 'POST', path: '/organizations', body: { name: 'Payments' } })
  const token: string = body.api_key.secret

  const next = (): Operation => draw(`op-${begun++}`, intents, random)
  const insistOn = async (operation: Operation): Promise<void> => {
    for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await wait(5 + random() * 20)) {
      await pause
      const leaves = random() < 0.03
      if (leaves) found.left++
      const answer = await ask(child.url, token, operation, leaves ? random() * 10 : undefined)
      if (answer && answer.status < 300) {
        found.acknowledged++
        return operation.done(answer)
      }
      if (answer?.status === 409 && !answer.retryAfter) return void found.refused++
      if (answer && answer.status !== 503 && answer.status !== 409)
        return void found.faults.push(`${operation.path} answered ${JSON.stringify(answer)}`)
      found.repeated++
    }
    found.faults.push(`${operation.path} had no answer`)
  }
  const disasters = shuffled([...Array(options.kills).fill('kill'), ...Array(options.crashes).fill('crash')], random)
  const share = operations / (disasters.length + 1)
  const strike = async (): Promise<void> => {
    if (disasters.pop() === 'crash')
      await options.crash?.() // the process must find back to its database by itself
    else {
      await child.kill()
      child = await start()
    }
    await sql("update payment_operations set leased_until = now() - interval '1 second' where state = 'begun'")
  }
  const work = async (): Promise<void> => {
    while (begun < operations) {
      await insistOn(next())
      ended++
      if (!pause && disasters.length > 0 && ended > operations - share * disasters.length)
        pause = strike().finally(() => {
          pause = undefined
        })
    }
  }
  try {
    await Promise.all(Array.from({ length: clients }, work))
    await insist(child.url, adminKey, { method: 'POST', path: '/jobs/settle-payments' })
    found.faults.push(...(await ledgerFaults(sql as never)), ...(await compared(intents, sql)))
    return found
  } finally {
    await child.kill()
  }
}

const shuffled = <T>(list: T[], random: () => number): T[] =>
  list
    .map(item => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)

/** Another operation, of a new intent or of one of the latest. */
const draw = (key: string, intents: Map<string, Known>, random: () => number): Operation => {
  const amount = 1 + Math.floor(random() * 400)
  const known = [...intents.keys()].slice(-RECENT)
  const any = random()
  if (known.length < 5 || any < 0.15) return create(key, intents, random)
  const intent = known[Math.floor(random() * known.length)] as string
  const state = intents.get(intent) as Known
  const operation = (verb: string, body: object, done: () => void): Operation => ({
    ...{ method: 'POST', path: `/payments/intents/${intent}/${verb}`, body, key, intent },
    done: ({ body: { status } }) => {
      if (status === 'succeeded' || status === 'canceled') state.ended = status
      done()
    },
  })
  if (any < 0.6) return operation('capture', { amount }, () => state.captured.push(amount))
  if (any < 0.92) return operation('refund', { amount, reason: key }, () => state.refunded.set(key, amount))
  if (any < 0.97) return operation('confirm', {}, () => {})
  return operation('cancel', {}, () => {})
}

const create = (intent: string, intents: Map<string, Known>, random: () => number): Operation => {
  const amount = 1000 + Math.floor(random() * 2000)
  const automatic = random() < 0.2
  const currency = ['jpy', 'usd', 'kwd'][Math.floor(random() * 3)]
  const capture_method = automatic ? 'automatic' : 'manual'
  const body = { id: intent, amount, currency, capture_method, confirm: true, metadata: { payment_method: 'pm_card' } }
  return {
    ...{ method: 'POST', path: '/payments/intents', body, key: intent, intent },
    done: ({ body: { status } }) => {
      intents.set(intent, { ended: status === 'succeeded' ? status : undefined, captured: automatic ? [amount] : [], refunded: new Map() })
    },
  }
}

type Moved = { type: string; amount: string; reason: string | null }

/** Whether each acknowledged operation is there exactly once, and what ended stayed as it was. */
const compared = async (intents: Map<string, Known>, sql: Sql): Promise<string[]> => {
  const faults: string[] = []
  const rows = await sql<{ id: string; status: string; moved: Moved[] }>(`select i.id, i.status,
      coalesce(jsonb_agg(jsonb_build_object('type', t.type, 'amount', t.amount, 'reason', t.metadata -> 'reason')) filter (where t.id is not null), '[]') as moved
    from payment_intents i left join payment_transactions t on t.organization_id = i.organization_id and t.intent_id = i.id
    group by i.organization_id, i.id, i.status`)
  if (rows.length !== intents.size) faults.push(`there are ${rows.length} intents, and ${intents.size} were acknowledged`)
  for (const { id, status, moved } of rows) {
    const known = intents.get(id)
    if (!known) {
      faults.push(`intent ${id} was acknowledged to nobody`)
      continue
    }
    if (known.ended !== undefined && known.ended !== status) faults.push(`intent ${id} was ${known.ended} and is ${status}`)
    const texts = (of: string[]) => of.sort().join()
    const captured = moved.filter(({ type }) => type === 'charge' || type === 'capture').map(({ amount }) => `${amount}`)
    const refunded = moved.filter(({ type }) => type === 'refund').map(({ reason, amount }) => `${reason}: ${-amount}`)
    if (texts(captured) !== texts(known.captured.map(String))) faults.push(`intent ${id} captured ${captured}, not ${known.captured}`)
    if (texts(refunded) !== texts([...known.refunded].map(([reason, amount]) => `${reason}: ${amount}`)))
      faults.push(`intent ${id} refunded ${refunded}, not ${[...known.refunded]}`)
  }
  return faults
}
