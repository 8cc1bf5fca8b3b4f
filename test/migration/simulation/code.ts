import type * as Idempotency from '../../../shared/db/idempotency.ts'
import type * as Refusals from '../../../shared/db/refusals.ts'
import type * as Rows from '../../../shared/db/rows.ts'
import type * as Scopes from '../../../shared/db/scope.ts'
import type * as Errors from '../../../shared/errors.ts'
import type * as Memory from '../../../shared/memory.ts'
import type * as Staged from '../../../shared/migration/staged.ts'

/** The real code under test. */
export type Code = typeof Errors & typeof Memory & typeof Staged & typeof Rows & typeof Scopes & typeof Idempotency & typeof Refusals
