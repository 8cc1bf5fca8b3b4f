import type { Config } from './config.ts'

/** A secret that somebody may rotate while we serve. */
export type Secret = {
  /** Its newest version, as far as it was read; the first call reads it. */
  read(): Promise<string>
  /** Reads it anew. */
  renew(): Promise<string>
}

type Client = { getProjectId(): Promise<string>; access(version: string): Promise<string> }

/**
 * The secret `name`, or `projects/p/secrets/name[/versions/v]`, in Secret Manager. Readers at the same time share one request. The client
 * is imported with the first read: that costs a third of a second.
 */
export const openSecret = (name: string, { url, project }: Config['secrets']): Secret => {
  let client: Promise<Client> | undefined
  let reading: Promise<string> | undefined
  let known: string | undefined

  const fetchNewest = async (): Promise<string> => {
    client ??= connect(url)
    const { access, getProjectId } = await client
    const secret = name.startsWith('projects/') ? name : `projects/${project ?? (await getProjectId())}/secrets/${name}`
    known = await access(secret.includes('/versions/') ? secret : `${secret}/versions/latest`)
    return known
  }
  const renew = (): Promise<string> => {
    reading ??= fetchNewest().finally(() => {
      reading = undefined
    })
    return reading
  }
  return { renew, read: async () => known ?? renew() }
}

/** Secret Manager's client, over HTTP: gRPC would serve one request in the life of a process. */
const connect = async (url: string): Promise<Client> => {
  const { SecretManagerServiceClient } = await import('@google-cloud/secret-manager')
  const { hostname, port, protocol } = new URL(url)
  const place = { apiEndpoint: hostname, protocol: protocol.slice(0, -1), ...(port === '' ? {} : { port: Number(port) }) }
  const client = new SecretManagerServiceClient({ fallback: true, ...place })
  return {
    getProjectId: () => client.getProjectId(),
    access: async name => {
      const [{ payload }] = await client.accessSecretVersion({ name })
      if (!payload?.data) throw new Error(`the secret ${name} is empty`)
      return payload.data.toString()
    },
  }
}
