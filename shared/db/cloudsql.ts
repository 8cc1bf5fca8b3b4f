import pg from 'pg'
import type { Config } from '../config.ts'
import type { Opened } from './opened.ts'

type CloudSql = Extract<Config['database'], { kind: 'cloudsql' }>

/**
 * A pool over the Cloud SQL connector: TLS with short-lived certificates, no address to allow.
 * The connector and the Secret Manager client are imported here, when they are needed: they cost 60 to 190 ms.
 */
export const openCloudSql = async (database: CloudSql, shared: pg.PoolConfig, project?: string): Promise<Opened> => {
  const { AuthTypes, Connector, IpAddressTypes } = await import('@google-cloud/cloud-sql-connector')
  const connector = new Connector()
  const transport = await connector.getOptions({
    instanceConnectionName: database.instance,
    ipType: IpAddressTypes[database.ipType],
    authType: AuthTypes[database.auth],
  })
  const password = database.passwordSecret === undefined ? {} : { password: () => readSecret(database.passwordSecret as string, project) }
  const pool = new pg.Pool({ ...shared, ...transport, user: database.user, database: database.name, ...password })
  return {
    pool,
    close: async () => {
      await pool.end()
      connector.close()
    },
  }
}

/** The newest version of a secret, `name` or `projects/p/secrets/name[/versions/v]`; read again for each new connection. */
export const readSecret = async (name: string, project?: string): Promise<string> => {
  const { SecretManagerServiceClient } = await import('@google-cloud/secret-manager')
  const client = new SecretManagerServiceClient()
  const secret = name.startsWith('projects/') ? name : `projects/${project ?? (await client.getProjectId())}/secrets/${name}`
  const [version] = await client.accessSecretVersion({ name: secret.includes('/versions/') ? secret : `${secret}/versions/latest` })
  const data = version.payload?.data
  if (!data) throw new Error(`the secret ${name} is empty`)
  return data.toString()
}
