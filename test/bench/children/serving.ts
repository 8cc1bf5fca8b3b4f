import type { AddressInfo } from 'node:net'
import { type HttpFunction, http } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'

/** Serves a handler on functions-framework at any free port, as `npm start` does, and prints the address. */
export const serveAlone = (handler: HttpFunction): void => {
  http('bench', handler)
  const server = getTestServer('bench')
  server.setTimeout(0)
  server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
}
