import pg from 'pg'

/** Connections as ours are: as many, as the role that row-level security binds, with the same settings. */
export const openPool = () =>
  new pg.Pool({
    connectionString: process.env.DATABASE_URL,
    max: Number(process.env.DB_POOL_SIZE),
    options: '-c role=agenthub_app -c timezone=UTC -c jit=off',
  })
