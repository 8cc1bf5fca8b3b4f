import pg from 'pg'
import type { Config } from '../config.ts'
import { openSecret } from '../secrets.ts'
import type { Opened } from './opened.ts'
import { spaced } from './renew.ts'

type CloudSql = Extract<Config['database'], { kind: 'cloudsql' }>
type Connect = Awaited<ReturnType<InstanceType<typeof import('@google-cloud/cloud-sql-connector').Connector>['getOptions']>>['stream']

/** Half the life of a certificate, after which a new one is asked for before the old one is refused. */
const FRESH_MS = 30 * 60_000

/**
 * A pool over the Cloud SQL connector: TLS with short-lived certificates, no address to allow. The connector is imported here, where it
 * is needed: it costs 60 to 190 ms.
 */
export const openCloudSql = async (database: CloudSql, shared: pg.PoolConfig, secrets: Config['secrets']): Promise<Opened> => {
  const { AuthTypes, Connector, IpAddressTypes } = await import('@google-cloud/cloud-sql-connector')
  const instance = {
    instanceConnectionName: database.instance,
    ipType: IpAddressTypes[database.ipType],
    authType: AuthTypes[database.auth],
  }
  /**
   * Asks where the instance is, and for a certificate of ours. What connects stays of use after the connector is closed, which ends its
   * timers: those stand still with a frozen process, and an error in one of them would end it.
   */
  const ask = async (): Promise<Connect> => {
    const connector = new Connector({ sqlAdminAPIEndpoint: new URL('/', database.adminUrl).href })
    const { stream } = await connector.getOptions(instance)
    connector.close()
    return stream
  }

  const password = database.passwordSecret === undefined ? undefined : openSecret(database.passwordSecret, secrets)
  let connect = await ask()
  let asked = Date.now()
  const { run: renew, helped } = spaced(async () => {
    const [next] = await Promise.all([ask(), password?.renew()])
    connect = next
    asked = Date.now()
  })
  const pool = new pg.Pool({
    ...shared,
    user: database.user,
    database: database.name,
    ...(password && { password: () => password.read() }),
    stream: () => {
      if (Date.now() - asked > FRESH_MS) renew().catch(() => {}) // the next connection that is refused asks again, and tells why it cannot
      return connect()
    },
  })
  pool.on('connect', helped)
  return { pool, renew, close: () => pool.end() }
}
