import { connect, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { type Authority, certify, makeAuthority, makeIdentity } from './certificates.ts'

const PORT = 3307
const HOUR = 3_600_000

/** A stand-in for a Cloud SQL instance: TLS 1.3 in front of a PostgreSQL server, for who has a certificate of its authority. */
export type Instance = {
  /** `project:region:name` */
  connectionName: string
  /** Of the address that it has now. */
  address(): string
  authority: Authority
  /** Certifies a public key for an hour: of an IAM login, whose name it then is, or of whoever has a password. */
  certify(publicKey: string, account: string | undefined): string
  /** How many certificates were given out, and how many connections were refused for theirs. */
  counts: { certified: number; refused: number }
  /** Lets so many milliseconds pass on its clock. */
  later(milliseconds: number): void
  /** Cuts every connection. */
  cut(): void
  /** Fails over to another address: connections end, and the old address refuses new ones. */
  move(): Promise<void>
  /** The same without a word: the old address still takes connections and what is sent, and says nothing any more. */
  vanish(): Promise<void>
  stop(): Promise<void>
}

const randomAddress = () => `127.${[0, 0, 0].map(() => 1 + Math.floor(Math.random() * 250)).join('.')}`

/** The login of a startup message (of the protocol 3.0). */
const loginOf = (message: Buffer): string => {
  const words = message.subarray(8).toString().split('\0')
  return words[words.indexOf('user') + 1] ?? ''
}

export const startInstance = async (database: string, connectionName: string): Promise<Instance> => {
  const [project, , name] = connectionName.split(':')
  const authority = makeAuthority('stand-in authority')
  const identity = makeIdentity(authority, `${project}:${name}`)
  const target = new URL(database)
  const counts = { certified: 0, refused: 0 }
  const sockets = new Set<Socket>()
  const pipes = new Map<TLSSocket, Socket>()
  const servers = new Set<TcpServer>()
  let passed = 0
  let server: TcpServer
  let address: string

  const track = <S extends Socket>(socket: S): S => {
    sockets.add(socket)
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  const serve = (client: TLSSocket) => {
    track(client)
    const { subject, valid_to } = client.getPeerCertificate()
    const refuse = () => {
      counts.refused++
      client.destroy()
    }
    if (Date.parse(valid_to) < Date.now() + passed) return refuse()
    client.once('data', startup => {
      const login = loginOf(startup)
      if (login.includes('@') && login !== subject.CN) return refuse()
      const upstream = track(connect(Number(target.port), target.hostname))
      pipes.set(client, upstream)
      client.on('close', () => {
        pipes.delete(client)
        upstream.destroy()
      })
      upstream.on('close', () => client.destroy()).write(startup)
      client.pipe(upstream).pipe(client)
    })
  }
  const listen = (one: TcpServer, at: string) =>
    new Promise<void>((resolve, reject) => {
      servers.add(one.on('connection', track))
      one.once('error', reject).listen(PORT, at, resolve)
    })
  const settle = async (): Promise<void> => {
    const one = createServer({ ...identity, ca: authority.certificate, requestCert: true, minVersion: 'TLSv1.3' }, serve)
    const at = randomAddress()
    try {
      await listen(
        one.on('tlsClientError', () => {}),
        at,
      )
      server = one
      address = at
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      await settle()
    }
  }
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const leave = (): void => {
    servers.delete(server)
    server.close()
  }
  await settle()
  return {
    connectionName,
    authority,
    counts,
    address: () => address,
    certify: (publicKey, account) => {
      counts.certified++
      return certify(authority, account ?? 'whoever has a password', publicKey, Date.now() + passed + HOUR)
    },
    later: milliseconds => {
      passed += milliseconds
    },
    cut,
    move: async () => {
      leave()
      cut()
      await settle()
    },
    vanish: async () => {
      const old = address
      leave()
      for (const [client, upstream] of pipes) upstream.unpipe(client.unpipe(upstream) as TLSSocket)
      await listen(createTcpServer(), old)
      await settle()
    },
    stop: async () => {
      cut()
      await Promise.all([...servers].map(one => new Promise(resolve => one.close(resolve))))
    },
  }
}
