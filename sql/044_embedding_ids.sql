-- 044_embedding_ids: the id of a kept vector may be longer, for signs of a caller's hash that are escaped in it.
-- Needs 022_embeddings_cache. Safe while functions serve: the check is exchanged in an instant; what is there fulfils the narrower one,
-- and is not looked at again. A vector under an id of before (a hash with / or %) is found as it was, by model and hash, until it is kept
-- anew or goes unused.

set local role agenthub_owner;

alter table embeddings_cache drop constraint embeddings_cache_id_check;
alter table embeddings_cache add constraint embeddings_cache_id_check check (char_length(id) between 1 and 850) not valid;

reset role;
