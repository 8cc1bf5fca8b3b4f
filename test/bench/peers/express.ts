import { agents } from './ours.ts'
import { bearer, each, type Keys, type Peer, parsed, type Told } from './peer.ts'
import { fields, nameOf } from './rows.ts'

/** A service by hand: express 5 and pg on our table (apart/express.mjs). In bulk, one insert from a JSON array. */
export const express = (keys: Keys): Peer => {
  const body = JSON.stringify({ agents: each(i => fields(nameOf(i))) })
  return {
    name: 'express + pg',
    script: 'express.mjs',
    environment: ({ database, pool }) => ({ DATABASE_URL: database, DB_POOL_SIZE: String(pool) }),
    isolates: true,
    asks: {
      ...agents(keys),
      bulk: () => ({ method: 'POST', path: '/agents/bulk', headers: bearer(keys.writer), body }),
      made: answer => parsed(answer).rows.map(({ id }: Told) => id),
    },
  }
}
