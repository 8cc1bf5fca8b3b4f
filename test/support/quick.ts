import { Agent, createServer, type RequestOptions, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { assemble } from '../../functions/main.ts'
import type { Shared } from '../../shared/shared.ts'

/** A gateway without functions-framework, and a client without fetch: four times the requests in the same time. */
export type Quick = {
  /** Undefined when the caller left: `leave` is told how. */
  send(
    options: RequestOptions,
    body: string | undefined,
    leave?: (how: () => void) => void,
  ): Promise<{ status: number; text: string } | undefined>
  stop(): Promise<void>
}

export const startQuick = async (shared: Shared): Promise<Quick> => {
  const { serve } = await assemble('gateway', shared)
  const server = createServer((raw, response) => void serve(raw, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true })
  return {
    send: (options, body, leave) =>
      new Promise((resolve, reject) => {
        let left = false
        const failed = (error: Error) => (left ? resolve(undefined) : reject(error))
        const asking = request({ host: '127.0.0.1', port, agent, ...options }, response => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', chunk => {
            text += chunk
          })
          response.on('end', () => resolve({ status: response.statusCode as number, text }))
          response.on('error', failed)
        })
        asking.on('error', failed)
        asking.end(body)
        leave?.(() => {
          left = true
          asking.destroy()
        })
      }),
    stop: async () => {
      agent.destroy()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
