import { connect, type Socket } from 'node:net'

/** What Redis answers (RESP 2): a status is marked, because the bridge writes it otherwise than a string of the same letters. */
export type Resp = string | number | null | { status: string } | { error: string } | Resp[]

/** The value at `at` and where the next one begins; undefined while it is not all there. */
const parse = (bytes: Buffer, at: number): { value: Resp; next: number } | undefined => {
  const end = bytes.indexOf('\r\n', at)
  if (end < 0) return undefined
  const line = bytes.toString('utf8', at + 1, end)
  const next = end + 2
  switch (String.fromCharCode(bytes[at] as number)) {
    case '+':
      return { value: { status: line }, next }
    case '-':
      return { value: { error: line }, next }
    case ':':
      return { value: Number(line), next }
    case '$': {
      const length = Number(line)
      if (length < 0) return { value: null, next }
      return bytes.length < next + length + 2 ? undefined : { value: bytes.toString('utf8', next, next + length), next: next + length + 2 }
    }
    default:
      return parseList(bytes, next, Number(line))
  }
}

const parseList = (bytes: Buffer, at: number, length: number): { value: Resp; next: number } | undefined => {
  if (length < 0) return { value: null, next: at }
  const value: Resp[] = []
  let next = at
  while (value.length < length) {
    const item = parse(bytes, next)
    if (!item) return undefined
    value.push(item.value)
    next = item.next
  }
  return { value, next }
}

const written = (command: readonly unknown[]): string =>
  `*${command.length}\r\n${command.map(part => `$${Buffer.byteLength(String(part))}\r\n${part}\r\n`).join('')}`

type Connection = { socket: Socket; waiting: ((answer: Resp | Error) => void)[] }

/** One connection to a redis-server, made anew after it was lost. Commands are answered in order; those on their way when it is lost throw. */
export const redisWire = (port: number) => {
  let current: Connection | undefined
  const open = (): Connection => {
    const made: Connection = { socket: connect(port, '127.0.0.1').setNoDelay(true), waiting: [] }
    let bytes: Buffer = Buffer.alloc(0)
    made.socket.on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk])
      for (let found = parse(bytes, 0); found; found = parse(bytes, 0)) {
        bytes = bytes.subarray(found.next)
        made.waiting.shift()?.(found.value)
      }
    })
    made.socket.on('error', () => {})
    made.socket.on('close', () => {
      if (current === made) current = undefined
      for (const tell of made.waiting) tell(new Error('Redis is away'))
    })
    return made
  }
  return {
    send: (command: readonly unknown[]): Promise<Resp> => {
      current ??= open()
      const { socket, waiting } = current
      return new Promise((resolve, reject) => {
        waiting.push(answer => (answer instanceof Error ? reject(answer) : resolve(answer)))
        socket.write(written(command))
      })
    },
    close: () => void current?.socket.destroy(),
  }
}
