import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { type Archived, startArchived } from './archive.ts'
import { startBucket } from './bucket.ts'
import { type Cloud, type Deployed, IAM_LOGIN, startCloud } from './cloud.ts'
import type { Server } from './server.ts'

/** terraform/restore.sh where its commands have something to restore: a function over an instance whose log is archived. */
export type Drill = {
  server: Archived
  cloud: Cloud
  /** The function, over the instance that was switched to last. */
  deployed(): Deployed
  /**
   * Runs the script, with more of an environment; `then` comes between the restored server and its proof. Answers how it ended, what it
   * printed, and what it ran.
   */
  restore(args: string[], then?: Then, more?: Record<string, string>): Promise<{ code: number; output: string; ran: string[] }>
  stop(): Promise<void>
}

type Then = (restored: Server) => Promise<void>

export const startDrill = async (): Promise<Drill> => {
  let archived: Archived | undefined
  const cloud = await startCloud(async data => {
    archived = await startArchived(dirname(data), data)
    return archived
  })
  const server = archived as unknown as Archived
  const bucket = await startBucket()
  bucket.tokens.given = 1_000_000 // those of the other metadata server
  const { STORAGE_EMULATOR_HOST = '' } = bucket.environment
  const heads = (folder: string) => ({ AUDIT_HEAD_BUCKET: `heads/${folder}`, STORAGE_EMULATOR_HOST })
  const serve = (instance: string, folder: string) =>
    cloud.start({ INSTANCE_CONNECTION_NAME: `p:europe-west1:${instance}`, ...heads(folder) })
  const restored: Server[] = []
  let deployed = await serve('one', 'audit')

  const restoreTo = async (to: string, at: string | undefined, then: Then) => {
    const copy = await server.restore(at)
    restored.push(copy)
    await then(copy)
    await cloud.addInstance(to, copy.url)
    return undefined
  }

  /** What the script's commands do here: `gcloud` restores to another server, `terraform` starts the function over it. */
  const commands: Record<string, (args: string[], then: Then) => Promise<string | undefined>> = {
    'sql instances get-latest-recovery-time': async () => 'latest',
    'sql instances clone': async ([, , , , to = '', option = ''], then) => {
      const at = option.replace('--point-in-time=', '')
      if (at !== 'latest') await server.archive()
      return restoreTo(to, at === 'latest' ? undefined : at, then)
    },
    'sql instances create': async () => undefined,
    'sql instances patch': async () => undefined,
    'sql instances delete': async () => undefined,
    'sql backups restore': ([, , , , to = ''], then) => restoreTo(to.replace('--restore-instance=', ''), 'backup', then),
    'output -raw instance_options': async () => '--tier=small --database-flags=^;^a=b,c;d=e',
    'output -raw guard_options': async () => '--backup-start-time=02:00 --deletion-protection',
    apply: async args => {
      const to = (args.at(-1) as string).replace('serving_instance=', '')
      await deployed.stop()
      deployed = await serve(to, to)
      return undefined
    },
  }

  /** Answers the commands' stand-ins, each of which hands its arguments over and prints what comes back. */
  const listen = async (ran: string[], then: Then) => {
    const listener = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const words = (JSON.parse(body) as string[]).filter(word => !/^--(project=.*|quiet|format=.*)$/.test(word))
      ran.push(words.join(' '))
      const work = Object.entries(commands).find(([name]) => words.join(' ').startsWith(name))?.[1]
      const [status, text] = work
        ? await work(words, then).then(
            text => [200, text ?? ''] as const,
            error => [500, String(error)] as const,
          )
        : ([404, 'no such command'] as const)
      response.writeHead(status).end(text)
    })
    await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
    return listener
  }
  const bin = join(cloud.folder, 'bin')
  mkdirSync(bin)

  return {
    server,
    cloud,
    deployed: () => deployed,
    restore: async (args, then = async () => {}, more = {}) => {
      const ran: string[] = []
      const listener = await listen(ran, then)
      const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
      const stub = `#!${process.execPath}
fetch('${url}', { method: 'POST', body: JSON.stringify(process.argv.slice(2)) }).then(async answer => {
  process.stdout.write(await answer.text())
  process.exitCode = answer.ok ? 0 : 1
})
`
      for (const name of ['gcloud', 'terraform']) writeFileSync(join(bin, name), stub, { mode: 0o755 })
      const env = {
        ...cloud.google.environment,
        ...heads('audit'),
        ...{ PATH: `${bin}:/usr/bin:/bin`, REGION: 'europe-west1', DB_USER: IAM_LOGIN, HOME: cloud.folder },
        VERIFY: `${process.execPath} --enable-source-maps ${cloud.folder}/dist/verify.js`,
        ...more,
      }
      const script = new URL('../../terraform/restore.sh', import.meta.url).pathname
      try {
        return await new Promise(resolve =>
          execFile(script, args, { env }, (error, stdout, stderr) =>
            resolve({ code: Number(error?.code ?? 0), output: stdout + stderr, ran }),
          ),
        )
      } finally {
        listener.close()
      }
    },
    stop: async () => {
      await deployed.stop()
      await cloud.stop()
      await bucket.stop()
      for (const one of restored) await one.stop()
    },
  }
}
