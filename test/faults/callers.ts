import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from '../support/ask.ts'
import type { Account } from './account.ts'
import { type Caller, nextWrite, pick, type Write } from './calls.ts'
import type { Line } from './line.ts'

export const isOfDoubt = ({ status, body }: Answer): boolean => status === 503 && /outcome is unknown/.test(body?.detail ?? '')
export const asksForPatience = ({ status, retryAfter }: Answer): boolean => status === 503 || (status === 409 && retryAfter)

/**
 * Asks until the write is made, as a caller should: with its key, its own id, or its version. An answer that says more than is true
 * (a write that was not made, and was; one made twice) is wrong. Without hope it is left.
 */
export const settle = async (line: Line, write: Write, random: () => number): Promise<void> => {
  let doubt = false
  while (line.calling !== 'given up') {
    const answer = await line.ask(write)
    if (answer && answer.status < 300) {
      if (answer.replayed && !doubt) line.wrong(`${write.method} ${write.path} was made, though it was said not to be`)
      if (answer.replayed) line.settled++
      return line.acknowledge(() => write.done(answer.body))
    }
    if (answer && doubt && write.made?.status === answer.status && !answer.retryAfter) return foundMade(line, write, write.made.path)
    if (answer && !asksForPatience(answer)) return line.wrong(`${write.method} ${write.path} answered ${JSON.stringify(answer)}`)
    if (answer) line.refused++
    if ((answer === undefined || isOfDoubt(answer)) && !doubt) {
      doubt = true
      line.unknown++
    }
    await wait(10 + 20 * random())
  }
  line.left++
}

/** A write in doubt that was made: its record says so. */
const foundMade = async (line: Line, { body, done }: Write, path: string): Promise<void> => {
  const { description } = body as { description: string }
  while (line.calling !== 'given up') {
    const answer = await line.ask({ method: 'GET', path })
    if (answer?.status === 200) {
      if (answer.body.description !== description) line.wrong(`${path} is ${answer.body.description} instead of ${description}`)
      line.settled++
      return line.acknowledge(() => done(answer.body))
    }
    if (answer && !asksForPatience(answer)) return line.wrong(`GET ${path} answered ${JSON.stringify(answer)}`)
    await wait(20)
  }
  line.left++
}

/** Looks at an agent of the caller's own: it must be as he was told, where it is to be had. */
const look = async (line: Line, { agents }: Account, name: string): Promise<void> => {
  const agent = agents.get(name)
  if (agent === undefined) return
  const answer = await line.ask({ method: 'GET', path: `/agents/${agent.id}` })
  if (answer?.status === 200 && answer.body.version !== agent.version)
    line.wrong(`${name} is served in version ${answer.body.version} instead of ${agent.version}`)
  if (answer && answer.status !== 200 && answer.status !== 503) line.wrong(`GET /agents/${agent.id} answered ${JSON.stringify(answer)}`)
}

/** Writes and reads, one after another, until it is over; each write is settled. */
export const callOn = async (line: Line, account: Account, caller: Caller): Promise<void> => {
  for (; line.calling === 'on'; caller.serial++) {
    await settle(line, nextWrite(account, caller), caller.random)
    if (caller.random() < 0.3) await look(line, account, pick(caller.own, caller.random))
  }
}
