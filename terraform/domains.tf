# The functions: one line a domain. max_instances is for the tier with 100 connections, and scales with the tier.
#   roles         what its login may become in the database (sql/001): agenthub_app within an organization, agenthub_jobs across
#   public        whether anybody may call it (it then checks API keys itself); otherwise IAM lets nobody in but its invokers
#   dictionaries  whether its collections once lived in memory: while they do, one instance holds them
#   schedule      its jobs (functions/jobs): when, and how long one may take, seconds

locals {
  defaults = {
    memory_mb = 256, concurrency = 40, min_instances = 0, max_instances = 1, pool_size = null, timeout = 60
    public    = true, dictionaries = false, roles = ["agenthub_app"], schedule = {}
  }

  domains = { for name, domain in {
    organizations = { max_instances = 2 }
    agents        = { max_instances = 3, dictionaries = true }
    conversations = { max_instances = 3, dictionaries = true }
    database      = { max_instances = 3, dictionaries = true }
    analytics     = { max_instances = 3, dictionaries = true }
    payments      = { max_instances = 2, dictionaries = true }
    knowledge     = { max_instances = 2, dictionaries = true }
    rag           = { max_instances = 2, dictionaries = true, memory_mb = 512 }
    audit         = { timeout = 300 }
    migration     = { timeout = 3600, memory_mb = 512, public = false, roles = ["agenthub_app", "agenthub_jobs"] }
    schema        = { timeout = 3600, public = false, roles = [], pool_size = 1 }
    gateway       = { max_instances = 4, memory_mb = 512, roles = ["agenthub_app", "agenthub_jobs"] }
    jobs = {
      timeout = 1800, public = false, roles = ["agenthub_app", "agenthub_jobs"]
      schedule = {
        settle-payments     = { cron = "* * * * *", deadline = 60 }
        complete-embeddings = { cron = "*/5 * * * *", deadline = 600 }
        refresh-reports     = { cron = "*/15 * * * *", deadline = 600 }
        seal-audit          = { cron = "*/15 * * * *", deadline = 600 }
        purge-expired       = { cron = "23 3 * * *", deadline = 1800 }
        maintain-partitions = { cron = "7 2 * * *", deadline = 600 }
      }
    }
  } : name => merge(local.defaults, domain) }

  # What is deployed, with what the environment departs in.
  functions = { for name, domain in local.domains : name => merge(domain, {
    for key, value in try(var.functions[name], {}) : key => value if value != null
    }, {
    max_instances = contains(var.migrating, name) ? 1 : coalesce(try(var.functions[name].max_instances, null), local.scaled[name])
    pool_size     = coalesce(try(var.functions[name].pool_size, null), domain.pool_size, local.tier.pool)
  }) if name != "gateway" || var.gateway }

  scaled = { for name, domain in local.domains :
    name => domain.max_instances == 1 ? 1 : max(1, floor(domain.max_instances * local.tier.scale))
  }

  # A domain's own URL is known before the function is made: the audience of its tokens.
  urls = { for name, _ in local.functions : name => "https://${var.region}-${var.project}.cloudfunctions.net/${local.name}-${name}" }
  jobs = local.domains.jobs.schedule
}
