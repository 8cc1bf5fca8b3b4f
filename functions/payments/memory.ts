import { Refusal } from '../../shared/errors.ts'
import { byTime, makeTable, type Table } from '../../shared/memory.ts'
import { exponents } from './currencies.schema.ts'
import type { Intent } from './schema.ts'
import { confirmedAlready, type IntentStore, type Move, type Moved, type Posted } from './store.ts'

/** An intent as it is kept; `amount_authorized` bounds what can be captured. */
type Kept = Omit<Intent, 'version' | 'currency_exponent' | 'amount_capturable'> & {
  amount_authorized: number
  provider_reference: string | null
  client_secret: string | null
  extra?: unknown
}
export type IntentTable = Table<Kept, Intent>

const capturableOf = ({ status, amount_authorized, amount_received }: Kept): number =>
  status === 'requires_capture' ? amount_authorized - amount_received : 0

export const intentTable = (): IntentTable =>
  makeTable({
    render: (kept, version) => {
      const { amount_authorized: _, provider_reference: __, client_secret: ___, extra: ____, ...intent } = kept
      const currency_exponent = exponents.get(intent.currency) as number
      return { ...intent, currency_exponent, amount_capturable: capturableOf(kept), version: Number(version) }
    },
    keyOf: ({ created_at, id }) => [created_at, id],
    sortOf: byTime,
    order: 'down',
  })

/** Why a move is refused, in the words of sql/019_payment_moves.sql. */
const refusalOf = (kept: Kept, { kind, amount }: Move): string | undefined => {
  const { status, amount_received, amount_refunded } = kept
  const cannot = (verb: string) => `the payment intent is ${status}: it cannot be ${verb}`
  const left = (sum: number, verb: string) => `only ${sum} can still be ${verb}${amount === undefined ? '' : `, not ${amount}`}`
  switch (kind) {
    case 'confirm':
      return ['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(status) ? undefined : cannot('confirmed')
    case 'capture':
      if (status !== 'requires_capture') return cannot('captured')
      return amount !== undefined && amount > capturableOf(kept) ? left(capturableOf(kept), 'captured') : undefined
    case 'cancel':
      return ['processing', 'succeeded', 'canceled'].includes(status) ? cannot('canceled') : undefined
    case 'refund':
      return (amount ?? 1) > amount_received - amount_refunded ? left(amount_received - amount_refunded, 'refunded') : undefined
  }
}

/** What a move makes of an intent. */
const movedBy = (kept: Kept, { kind, amount, outcome = 'succeeded', reason, at }: Move): Kept => {
  const next = { ...kept, updated_at: at }
  switch (kind) {
    case 'confirm': {
      if (outcome !== 'succeeded') return { ...next, status: outcome === 'failed' ? 'requires_payment_method' : outcome }
      const automatic = kept.capture_method === 'automatic'
      const amount_received = automatic ? kept.amount : 0
      return { ...next, status: automatic ? 'succeeded' : 'requires_capture', amount_authorized: kept.amount, amount_received }
    }
    case 'capture': {
      const amount_received = kept.amount_received + (amount ?? capturableOf(kept))
      return { ...next, amount_received, status: amount_received === kept.amount_authorized ? 'succeeded' : 'requires_capture' }
    }
    case 'cancel':
      return { ...next, status: 'canceled', cancellation_reason: reason ?? null }
    case 'refund':
      return { ...next, amount_refunded: kept.amount_refunded + (amount ?? kept.amount_received - kept.amount_refunded) }
  }
}

/** The transaction that tells what a move changed; null where no money moved. */
const postedBy = (before: Kept, after: Kept, { transaction, reason, at }: Move): Posted | null => {
  const [type, amount] =
    after.amount_received > before.amount_received
      ? ([before.capture_method === 'automatic' ? 'charge' : 'capture', after.amount_received - before.amount_received] as const)
      : after.amount_refunded > before.amount_refunded
        ? (['refund', before.amount_refunded - after.amount_refunded] as const)
        : (['void', after.status === 'canceled' ? capturableOf(before) : 0] as const)
  if (amount === 0) return null
  const { id: intent_id, organization_id, currency } = before
  const metadata = reason === undefined ? {} : { reason }
  const made = { id: transaction, organization_id, intent_id, type, amount, currency, status: 'completed' as const, metadata }
  return { ...made, created_at: at, updated_at: at }
}

const elsewhere = () => new Refusal('unavailable', 'a payment provider outside needs the ledger: not in the stage off', { retryAfter: 60 })

/** Payment intents in this process, with the provider `manual` alone: no ledger stands behind them. */
export const memoryIntents = (table: IntentTable = intentTable()): IntentStore => {
  const move = (organization: string, id: string, asked: Move): Moved | undefined => {
    const kept = table.peek(organization, id)
    if (kept === undefined) return undefined
    if (kept.provider !== 'manual') throw elsewhere()
    const refusal = refusalOf(kept, asked)
    if (refusal !== undefined) throw new Refusal('conflict', refusal)
    const next = movedBy(kept, asked)
    const row = table.put(organization, id, () => next)
    return row && { row, operation: undefined, posted: postedBy(kept, next, asked) }
  }

  return {
    get: async (scope, id) => table.get(scope.organization_id, id),
    list: async (scope, slice) => table.list(scope.organization_id, slice),
    create: async (scope, { at, confirm, ...intent }) => {
      const { organization_id } = scope
      if (intent.provider !== 'manual') throw elsewhere()
      const row = table.create(organization_id, intent.id, {
        ...intent,
        ...{ organization_id, status: 'requires_confirmation', amount_authorized: 0, amount_received: 0, amount_refunded: 0 },
        ...{ provider_reference: null, client_secret: null, cancellation_reason: null, created_at: at, updated_at: at },
      })
      return row && (confirm ? move(organization_id, intent.id, confirm) : { row, operation: undefined, posted: null })
    },
    update: async (scope, id, patch, at, ifMatch) => {
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      const { metadata: _, ...terms } = given
      const change = (kept: Kept | undefined): Kept | undefined => {
        const free = kept === undefined || ['requires_payment_method', 'requires_confirmation'].includes(kept.status)
        if (!free && Object.keys(terms).length > 0) throw confirmedAlready(id)
        return kept && { ...kept, ...given, updated_at: at }
      }
      return table.put(scope.organization_id, id, change, ifMatch)
    },
    move: async (scope, id, asked) => move(scope.organization_id, id, asked),
    complete: async () => {
      throw elsewhere()
    },
    hear: async () => {
      throw elsewhere()
    },
  }
}
