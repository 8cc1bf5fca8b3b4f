import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { found } from '../../shared/http/found.ts'
import { routesOf, type Upload } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import { noteTransactions, type Payments } from './perform.ts'
import type { Provider } from './provider.ts'
import { Heard, WebhookRef } from './schema.ts'
import type { ProviderEvent } from './store.ts'

const route = routesOf<Payments>()

/** The event of a delivery whose signature is good. What is refused is logged. */
const eventOf = async (provider: Provider, { headers, chunks }: Upload, now: string, { log }: Payments) => {
  const body: Buffer[] = []
  for await (const chunk of chunks) body.push(chunk)
  try {
    return provider.hear({ headers, body: Buffer.concat(body), now: Date.parse(now) })
  } catch (error) {
    log('warning', 'a webhook was refused', { error, provider: provider.name })
    throw error
  }
}

/** Takes an event in, in the name of the organization that its signature covers. */
const hear = async (event: ProviderEvent, { context, trace }: Scope, now: string, payments: Payments) => {
  const { organization_id, intent_id, provider, id } = event
  const scope: Scope = { organization_id, caller: { kind: 'platform', actor: `provider:${provider}` }, context, trace }
  const transaction = newId('txn')
  const outcome = await payments.intents.hear(scope, intent_id, event, transaction, now)
  if (outcome === 'replayed') {
    payments.log('warning', 'a webhook was refused: the same delivery came before', { provider, event: id })
    throw new Refusal('conflict', 'this delivery came before')
  }
  if (outcome === 'unknown')
    payments.log('warning', 'a webhook told of a payment intent that is not here', { provider, event: id, intent_id })
  await noteTransactions(scope, transaction, payments)
  return { outcome }
}

export const webhookRoutes = [
  route({
    method: 'post',
    path: '/webhooks/:provider',
    summary: "A payment provider's events, by its signature: one that is told twice, late or out of order changes nothing more",
    role: 'public',
    params: WebhookRef,
    returns: Heard,
    uploads: ['application/json'],
    handle: async ({ params, upload, scope, now }, payments) => {
      const provider = found('payment provider', params.provider, payments.providers.get(params.provider))
      const event = await eventOf(provider, upload, now, payments)
      return event ? hear(event, scope, now, payments) : { outcome: 'ignored' as const }
    },
  }),
]
