import { faqCollection } from '../../functions/rag/collections.ts'
import { memoryFaqs } from '../../functions/rag/faqs.memory.ts'
import { postgresFaqs } from '../../functions/rag/faqs.postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
import { faqContract } from './faqs.contract.ts'
import { inMemory, mirrored, onPostgres } from './support.ts'

faqContract(
  'in memory',
  inMemory(() => ({ faqs: memoryFaqs() })),
)
faqContract(
  'in Postgres',
  onPostgres(db => ({ faqs: postgresFaqs(db) })),
)
// races between the mirror's two sides need more than one connection
for (const stage of engine === 'server' ? stages : [])
  faqContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ faqs: faqCollection() })),
  )
