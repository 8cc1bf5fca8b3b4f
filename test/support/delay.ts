/**
 * A TCP proxy that holds what clients send for DELAY_MS (1) before it goes on to TARGET (host:port), and answers for BACK_MS (0: they
 * pass at once). One round trip over it so takes that much longer in total.
 */
import { type AddressInfo, connect, createServer } from 'node:net'

const [host, port] = (process.env.TARGET ?? '').split(':')
const delay = Number(process.env.DELAY_MS ?? 1)
const back = Number(process.env.BACK_MS ?? 0)

const server = createServer({ noDelay: true }, client => {
  const upstream = connect({ host: host as string, port: Number(port), noDelay: true })
  client.on('data', chunk => setTimeout(() => upstream.write(chunk), delay))
  upstream.on('data', chunk => (back > 0 ? setTimeout(() => client.write(chunk), back) : client.write(chunk)))
  const end = () => {
    client.destroy()
    upstream.destroy()
  }
  for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
})
server.listen(0, '127.0.0.1', () => console.log(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`))
