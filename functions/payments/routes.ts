import type { z } from 'zod'
import { found, made } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import { Ref } from '../../shared/shapes.ts'
import { type Payments, settled } from './perform.ts'
import { Balance, Cancel, Capture, Confirm, Intent, IntentCreate, IntentPatch, Refund } from './schema.ts'
import type { Move } from './store.ts'
import { Transaction, TransactionFilter } from './transactions.schema.ts'

const route = routesOf<Payments & { provider: string }>()

const moveOf = (kind: Move['kind'], at: string): Move => ({ kind, operation: newId('pop'), transaction: newId('txn'), at })

/** A POST that moves the money of one intent. */
const moving = (kind: Move['kind'], summary: string, body: z.ZodType<Pick<Move, 'amount' | 'outcome' | 'reason'>>) =>
  route({
    method: 'post',
    path: `/intents/:id/${kind}`,
    summary,
    role: 'member',
    params: Ref,
    body,
    returns: Intent,
    key: 'required',
    handle: async ({ params, body, scope, now }, payments) => {
      const move = { ...body, ...moveOf(kind, now) }
      return found('payment intent', params.id, await settled(scope, await payments.intents.move(scope, params.id, move), move, payments))
    },
  })

export const paymentRoutes = [
  route({
    method: 'post',
    path: '/intents',
    summary: 'Create a payment intent (amounts in minor units), and confirm it at once with `confirm`',
    role: 'member',
    body: IntentCreate,
    returns: Intent,
    status: 201,
    key: 'required',
    handle: async ({ body, scope, now }, payments) => {
      const { id = newId('pi'), capture_method = 'automatic', metadata = {}, confirm = false, ...rest } = body
      const move = moveOf('confirm', now)
      const intent = { ...rest, id, capture_method, metadata, provider: payments.provider, at: now, confirm: confirm ? move : undefined }
      return made('payment intent', id, await settled(scope, await payments.intents.create(scope, intent), move, payments))
    },
  }),
  route({
    method: 'get',
    path: '/intents',
    summary: 'List payment intents, newest first',
    role: 'viewer',
    lists: Intent,
    handle: ({ scope, slice }, { intents }) => intents.list(scope, slice),
  }),
  route({
    method: 'get',
    path: '/intents/:id',
    summary: 'Get a payment intent',
    role: 'viewer',
    params: Ref,
    returns: Intent,
    handle: async ({ params, scope }, { intents }) => found('payment intent', params.id, await intents.get(scope, params.id)),
  }),
  route({
    method: 'patch',
    path: '/intents/:id',
    summary: 'Update a payment intent: what is paid until it is confirmed, metadata at any time',
    role: 'member',
    params: Ref,
    body: IntentPatch,
    returns: Intent,
    handle: async ({ params, body, scope, ifMatch, now }, { intents }) =>
      found('payment intent', params.id, await intents.update(scope, params.id, body, now, ifMatch)),
  }),
  moving('confirm', 'Confirm a payment intent; `outcome` is what came of it (succeeded unless said)', Confirm),
  moving('capture', 'Capture what was authorized, or a part of it', Capture),
  moving('cancel', 'Cancel a payment intent: what is not captured is let go', Cancel),
  moving('refund', 'Refund what was captured, or a part of it', Refund),
  route({
    method: 'get',
    path: '/transactions',
    summary: 'List transactions, newest first: signed minor units, refunds negative',
    role: 'viewer',
    query: TransactionFilter,
    lists: Transaction,
    handle: ({ query, scope, slice }, { transactions }) => transactions.list(scope, slice, query),
  }),
  route({
    method: 'get',
    path: '/transactions/:id',
    summary: 'Get a transaction',
    role: 'viewer',
    params: Ref,
    returns: Transaction,
    handle: async ({ params, scope }, { transactions }) => found('transaction', params.id, await transactions.get(scope, params.id)),
  }),
  route({
    method: 'get',
    path: '/balance',
    summary: 'The balance by currency, from the ledger, and what is authorized and not captured',
    role: 'viewer',
    returns: Balance,
    handle: async ({ scope }, { ledger }) => ({ reply: { body: await ledger.balance(scope) } }),
  }),
]
