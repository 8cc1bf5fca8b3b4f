type Sql = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>

/** What must be true of money at any moment, as the queries that find where it is not. */
const laws: Record<string, string> = {
  'the entries of a transaction do not sum to 0': `select organization_id, transaction_id, currency from ledger_entries
    group by 1, 2, 3 having sum(amount) <> 0`,
  'a completed transaction has not its one pair': `select t.organization_id, t.id from payment_transactions t
    left join ledger_entries e on e.organization_id = t.organization_id and e.transaction_id = t.id
    group by t.organization_id, t.id, t.status, t.amount
    having count(e.id) <> case t.status when 'completed' then 2 else 0 end or max(abs(e.amount)) <> abs(t.amount)`,
  'a balance is not the sum of its entries': `select organization_id, account, currency, l.sum, b.sum from
    (select organization_id, account, currency, sum(amount) from ledger_entries group by 1, 2, 3) l
    full join (select organization_id, account, currency, sum(balance) from ledger_balances group by 1, 2, 3) b
      using (organization_id, account, currency)
    where l.sum is distinct from b.sum`,
  'the bounds of an intent are broken': `select organization_id, id from payment_intents
    where not (0 <= amount_refunded and amount_refunded <= amount_received and amount_received <= amount_authorized and amount_authorized <= amount)`,
  'an intent says other sums than its transactions': `select i.organization_id, i.id, i.amount_received, i.amount_refunded,
      coalesce(sum(t.amount) filter (where t.type in ('charge', 'capture')), 0) as received,
      coalesce(-sum(t.amount) filter (where t.type = 'refund'), 0) as refunded
    from payment_intents i
    left join payment_transactions t on t.organization_id = i.organization_id and t.intent_id = i.id and t.status = 'completed'
    where i.extra is null and i.organization_id not in ('org_bounds', 'org_matrix')
    group by i.organization_id, i.id, i.amount_received, i.amount_refunded, i.status, i.amount_authorized
    having i.amount_received <> coalesce(sum(t.amount) filter (where t.type in ('charge', 'capture')), 0)
      or i.amount_refunded <> coalesce(-sum(t.amount) filter (where t.type = 'refund'), 0)
      or i.status = 'canceled' and i.amount_authorized - i.amount_received <> coalesce(sum(t.amount) filter (where t.type = 'void'), 0)`,
}

/** Every breach of them, in words. */
export const ledgerFaults = async (sql: Sql): Promise<string[]> => {
  const faults: string[] = []
  for (const [law, query] of Object.entries(laws))
    for (const row of (await sql(query)).slice(0, 10)) faults.push(`${law}: ${JSON.stringify(row)}`)
  return faults
}
