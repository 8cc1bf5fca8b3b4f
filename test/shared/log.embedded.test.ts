import { expect, test } from 'vitest'
import { invalid, Refusal } from '../../shared/errors.ts'
import { parseBody } from '../../shared/json.ts'
import { makeLog } from '../../shared/observe/log.ts'

const logged = (error: unknown): string => {
  const lines: string[] = []
  makeLog('debug', undefined, line => lines.push(line))('debug', 'failed', { error })
  return lines.join('')
}
const thrown = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}
const postgres = (code: string, text: string) => Object.assign(new Error(text), { code, detail: text, severity: 'ERROR' })

test.each<[string, unknown, string]>([
  ['a body that is no JSON', thrown(() => parseBody('{"a": canary')), 'parseBody'],
  ['lines that look like frames', thrown(() => parseBody('canary\n    at canary (canary.ts:1:1)')), 'parseBody'],
  ['a wrong field', invalid('canary', 'is unknown'), '"code":"invalid_request"'],
  ['a name that is not there', new Refusal('not_found', 'there is no user canary'), '"code":"not_found"'],
  [
    'a cause of a refusal',
    new Refusal('conflict', 'x', { cause: new Error('of canary', { cause: new Error('canary') }) }),
    '"name":"Error"',
  ],
  ['a value that Postgres cannot read', postgres('22P02', 'invalid input syntax for type integer: "canary"'), '"code":"22P02"'],
  ['a tsquery that is none', postgres('42601', 'syntax error in tsquery: "canary"'), '"code":"42601"'],
  ['an error that a trigger raises', postgres('P0001', 'the row is (canary)'), '"code":"P0001"'],
  ['a text that is thrown', 'canary', '"error":"string"'],
])('%s is logged without what was sent, and can be found all the same', (_, error, told) => {
  expect(logged(error)).not.toContain('canary')
  expect(logged(error)).toContain(told)
})

test('what is ours is logged in words', () => {
  expect(logged(new TypeError('undefined is no function'))).toContain('"message":"undefined is no function"')
  expect(logged(postgres('42703', 'column "nme" does not exist'))).toContain('nme')
  expect(logged(new Refusal('unavailable', 'the database cannot be reached', { cause: postgres('57P01', 'terminating') }))).toContain(
    'terminating',
  )
})
