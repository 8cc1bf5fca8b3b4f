import { connect, type Socket } from 'node:net'

/** What is read of an answer; undefined when the connection ended without one. */
export type Seen = { status: number; retryAfter: boolean } | undefined

/** One keep-alive connection that asks one thing at a time: a tenth of the work of node:http, so that a thousand load the server and not the machine. */
export type WireClient = { ask(bytes: Buffer, told: (seen: Seen) => void): void; end(): void }

const HEAD_END = Buffer.from('\r\n\r\n')

/** Connects, and again after an end of the server's. Answers are read by their Content-Length; one without (204, 304) has no body. */
export const wireClient = (host: string, port: number): Promise<WireClient> => {
  let socket: Socket
  let told: ((seen: Seen) => void) | undefined
  let buffered: Buffer = Buffer.alloc(0)
  const tell = (seen: Seen) => {
    const telling = told
    told = undefined
    telling?.(seen)
  }
  const read = (chunk: Buffer) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk])
    const end = buffered.indexOf(HEAD_END)
    if (end === -1) return
    const head = buffered.toString('latin1', 0, end).toLowerCase()
    const whole = end + HEAD_END.length + Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0)
    if (buffered.length < whole) return
    buffered = buffered.subarray(whole)
    tell({ status: Number(head.slice(9, 12)), retryAfter: head.includes('\r\nretry-after: ') })
  }
  const open = (): Promise<void> =>
    new Promise((resolve, reject) => {
      buffered = Buffer.alloc(0)
      socket = connect(port, host, resolve).setNoDelay(true)
      socket.on('data', read).on('error', reject)
      socket.on('close', () => tell(undefined))
    })
  return open().then(() => ({
    ask: (bytes, telling) => {
      told = telling
      if (!socket.destroyed && socket.writable) socket.write(bytes)
      else
        open().then(
          () => socket.write(bytes),
          () => tell(undefined),
        )
    },
    end: () => void socket.destroy(),
  }))
}
