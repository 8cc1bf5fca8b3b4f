import { stringify } from '../json.ts'
import type { Where } from '../where.ts'
import { soughtOf, type Values, whereSql } from './where.ts'

/** The condition that the metadata of documents (rows `r`) fulfil. What every match contains, if anything, is looked for by the index. */
export const documentsWhere = (where: Where, values: Values, r = 'rag_documents'): string => {
  const [holding] = soughtOf(where).containing.find(alternatives => alternatives.length === 1) ?? []
  const byIndex = holding === undefined ? '' : `${r}.id = any (documents_like(${values.add(stringify(holding), 'jsonb')})) and `
  return `${byIndex}${whereSql(where, { data: `${r}.metadata` }, values)}`
}

/** The same of faqs, whose category is seen as a field of their metadata. */
export const faqsWhere = (where: Where, values: Values, r = 'faqs'): string => {
  const data = `(case when ${r}.category is null then ${r}.metadata else ${r}.metadata || jsonb_build_object('category', ${r}.category) end)`
  return whereSql(where, { data }, values)
}
