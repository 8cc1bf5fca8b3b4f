import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { readRequest } from '../../shared/http/request.ts'

const addressOf = (forwarded: string | undefined, proxies: number): string => {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return readRequest({ url: '/', method: 'GET', headers, socket: { remoteAddress: '127.0.0.1' } } as unknown as IncomingMessage, proxies)
    .address
}

test("a caller's address is what the first trusted proxy heard, whatever he wrote before it", () => {
  expect(addressOf('6.6.6.6, 203.0.113.9', 0)).toBe('203.0.113.9')
  expect(addressOf('6.6.6.6, 203.0.113.9,35.191.0.1', 1)).toBe('203.0.113.9')
  expect(addressOf('203.0.113.9', 1)).toBe('203.0.113.9')
  expect(addressOf(undefined, 1)).toBe('127.0.0.1')
})
