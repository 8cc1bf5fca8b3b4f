# What differs between environments (environments/*.tfvars), and nothing else. terraform.tfvars.example shows each once.

variable "project" {
  description = "Id of the Google Cloud project. One project an environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "Where everything runs. The prices of the estimate are those of us-central1."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region looks like us-central1 (not a zone, not a multi-region)."
  }
}

variable "environment" {
  description = "Which environment this project is."
  type        = string

  validation {
    condition     = contains(["development", "staging", "production"], var.environment)
    error_message = "The environment is development, staging or production."
  }
}

variable "billing_account" {
  description = "Id of the billing account that the budget watches, XXXXXX-XXXXXX-XXXXXX."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "A billing account's id looks like 01AB23-45CD67-89EF01."
  }
}

variable "budget_usd" {
  description = "What a month may cost, whole US dollars, at most 75. The estimate is checked against it."
  type        = number
  default     = 75

  validation {
    condition     = var.budget_usd >= 1 && var.budget_usd <= 75 && floor(var.budget_usd) == var.budget_usd
    error_message = "The budget is 1 to 75 whole US dollars a month."
  }
}

variable "alert_emails" {
  description = "Who is told of alerts and of the budget. 1 to 5: a budget tells no more."
  type        = set(string)

  validation {
    condition     = length(var.alert_emails) > 0 && length(var.alert_emails) <= 5 && alltrue([for email in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "1 to 5 e-mail addresses, each as name@example.com."
  }
}

variable "operators" {
  description = "Who may call migration, and schema as its migrator, by hand: IAM members, user:... or group:... ."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.operators : can(regex("^(user|group|serviceAccount):[^@\\s]+@[^@\\s]+$", member))])
    error_message = "An operator is an IAM member: user:..., group:... or serviceAccount:..., with its address. Never allUsers."
  }
}

variable "tier" {
  description = "Machine of the database; the documented steps up are those of tiers.tf, in that order."
  type        = string
  default     = "db-custom-1-3840"

  validation {
    condition     = contains(keys(local.tiers), var.tier)
    error_message = "The tier is one of those in tiers.tf, whose connections and price are known: db-f1-micro, db-g1-small, db-custom-1-3840, db-custom-2-7680, db-custom-4-15360."
  }
}

variable "serving_instance" {
  description = "The instance that the functions use: empty for the one made here, else one that restore.sh has verified, named like it: agenthub-ENVIRONMENT-... ."
  type        = string
  default     = ""

  validation {
    condition     = var.serving_instance == "" || can(regex("^${local.name}-${var.environment}(-[a-z0-9-]{0,60}[a-z0-9])?$", var.serving_instance))
    error_message = "A restored instance is named like the one made here, agenthub-ENVIRONMENT-...: that is what the functions may log in to. No project, no region."
  }
}

variable "availability_type" {
  description = "ZONAL, or REGIONAL: a standby in another zone, with an SLA, at twice the price."
  type        = string
  default     = "ZONAL"

  validation {
    condition     = contains(["ZONAL", "REGIONAL"], var.availability_type)
    error_message = "The availability type is ZONAL or REGIONAL."
  }

  validation {
    condition     = var.availability_type == "ZONAL" || startswith(var.tier, "db-custom-")
    error_message = "REGIONAL needs a dedicated tier (db-custom-...): a shared core has no SLA to be had."
  }
}

variable "read_replica" {
  description = "A replica in the same region for reports by hand (the functions do not read from it). Needs a dedicated tier."
  type        = bool
  default     = false

  validation {
    condition     = !var.read_replica || startswith(var.tier, "db-custom-")
    error_message = "A read replica needs a dedicated tier (db-custom-...)."
  }
}

variable "disk_limit_gb" {
  description = "How far the disk may grow by itself, GB. It never shrinks, and 0 would be no limit."
  type        = number
  default     = 50

  validation {
    condition     = var.disk_limit_gb >= 10 && var.disk_limit_gb <= 1000
    error_message = "The disk's limit is 10 to 1000 GB; without limit (0) a runaway table would be a runaway bill."
  }
}

variable "backups_kept" {
  description = "How many daily backups are kept, 7 or more. Point-in-time recovery reaches 7 days back in any case."
  type        = number
  default     = 7

  validation {
    condition     = var.backups_kept >= 7 && var.backups_kept <= 365
    error_message = "7 to 365 daily backups are kept."
  }
}

variable "backup_location" {
  description = "Multi-region of the backups: they outlive the loss of a region."
  type        = string
  default     = "us"

  validation {
    condition     = contains(["us", "eu", "asia"], var.backup_location)
    error_message = "Backups lie in a multi-region: us, eu or asia."
  }
}

variable "connectivity" {
  description = "connector: a public address that only the connector's certificates open. private: an address in our network alone; give its functions min_instances, because Direct VPC egress may keep a new instance from the database for a minute."
  type        = string
  default     = "connector"

  validation {
    condition     = contains(["private", "connector"], var.connectivity)
    error_message = "The database is reached through its connector alone (connector) or privately (private)."
  }
}

variable "archives" {
  description = "What `npm run archives` made: function -> its archive and the hash of its contents (dist/archives/archives.tfvars.json)."
  type        = map(object({ path = string, hash = string }))

  validation {
    condition     = alltrue([for archive in var.archives : can(regex("^[0-9a-f]{64}$", archive.hash)) && endswith(archive.path, ".zip")])
    error_message = "An archive is a .zip and the SHA-256 of its contents, 64 hexadecimal digits."
  }

  validation {
    condition     = length(setsubtract(keys(local.functions), keys(var.archives))) == 0
    error_message = "Every function has an archive: run `npm run archives`."
  }
}

variable "functions" {
  description = "Departures from domains.tf, by function: max_instances, min_instances, pool_size, memory_mb, concurrency."
  type = map(object({
    max_instances = optional(number)
    min_instances = optional(number)
    pool_size     = optional(number)
    memory_mb     = optional(number)
    concurrency   = optional(number)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.functions), keys(local.domains))) == 0
    error_message = "Only functions of domains.tf can depart from it."
  }

  validation {
    condition = alltrue([for departure in var.functions :
      coalesce(departure.max_instances, 1) >= 1 && coalesce(departure.max_instances, 1) <= 100 &&
      coalesce(departure.min_instances, 0) >= 0 && coalesce(departure.min_instances, 0) <= coalesce(departure.max_instances, 100) &&
      coalesce(departure.pool_size, 1) >= 1 && coalesce(departure.pool_size, 1) <= 100 &&
      contains([256, 512, 1024, 2048], coalesce(departure.memory_mb, 256)) &&
      coalesce(departure.concurrency, 1) >= 1 && coalesce(departure.concurrency, 1) <= 1000
    ])
    error_message = "1 to 100 instances, no more at least than at most; a pool of 1 to 100; 256, 512, 1024 or 2048 MB; 1 to 1000 requests at once."
  }
}

variable "gateway" {
  description = "Whether the gateway (every domain behind one function, with /docs and /metrics) is deployed as well."
  type        = bool
  default     = false
}

variable "migrating" {
  description = "Functions of which a collection still reads memory (stages off to live): they get one instance at most."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.migrating, [for name, domain in local.domains : name if domain.dictionaries])) == 0
    error_message = "Only functions that held dictionaries can be migrating: agents, conversations, database, analytics, payments, knowledge, rag."
  }

  validation {
    condition     = !var.gateway || length(var.migrating) == 0
    error_message = "A collection's memory lives in one process: leave the gateway out while functions migrate."
  }
}

variable "hold_traffic" {
  description = "Whether new revisions wait for their traffic, as a release moves it to them by steps; else they take all at once."
  type        = bool
  default     = false
}

variable "telemetry" {
  description = "Whether the functions send metrics and traces to Google Cloud (each sends the minute that it served in)."
  type        = bool
  default     = true
}

variable "settings" {
  description = "Environment of every function beside what Terraform knows: the variables of shared/config.ts named below."
  type        = map(string)
  default     = {}

  validation {
    condition = length(setsubtract(keys(var.settings), [
      "DB_QUEUE_SIZE", "DB_STATEMENT_TIMEOUT_MS", "EMBEDDING_DIMENSIONS", "EMBEDDING_MODEL", "EMBEDDING_PROVIDER", "EMBEDDING_RETENTION_DAYS", "EMBEDDING_URL", "EVENT_RETENTION_MONTHS", "OTEL_TRACES_SAMPLER_ARG",
      "LOG_LEVEL", "MIGRATION_INITIAL_STAGE", "MIGRATION_STAGE_CACHE_SECONDS", "PAYMENT_PROVIDER", "RATE_LIMIT_PER_MINUTE",
    ])) == 0
    error_message = "Only the settings that are listed here; names of the database, secrets and accounts are Terraform's own."
  }

  validation {
    condition     = contains(["vertex", "openai", "none"], lookup(var.settings, "EMBEDDING_PROVIDER", "none"))
    error_message = "Deployed, embeddings come from vertex, openai or none: the local model stays out of the archives."
  }
}

variable "secret_versions" {
  description = "Which secrets there are, and the number of each one's present value: raise it together with a new value in secret_values."
  type        = map(number)
  default     = { admin-key = 1, schema-password = 1 }

  validation {
    condition     = length(setsubtract(keys(var.secret_versions), keys(local.secret_readers))) == 0
    error_message = "The secrets are those of secrets.tf: admin-key, schema-password, upstash-url, upstash-token, stripe-api-key, stripe-webhook-secret, embedding-api-key."
  }

  validation {
    condition     = length(setsubtract(["admin-key", "schema-password"], keys(var.secret_versions))) == 0
    error_message = "admin-key and schema-password are always needed."
  }

  validation {
    condition     = contains(keys(var.secret_versions), "upstash-url") == contains(keys(var.secret_versions), "upstash-token")
    error_message = "upstash-url and upstash-token: both or neither."
  }

  validation {
    condition     = contains(keys(var.secret_versions), "stripe-api-key") == contains(keys(var.secret_versions), "stripe-webhook-secret")
    error_message = "stripe-api-key and stripe-webhook-secret: both or neither."
  }
}

variable "secret_values" {
  description = "New values of secrets, by name: sent to Secret Manager once, kept in no plan and no state. Later runs need none."
  type        = map(string)
  default     = {}
  ephemeral   = true
  sensitive   = true
}

variable "domain_name" {
  description = "Name of an HTTPS load balancer with Cloud Armor in front of all public functions (/agents, /rag, ...); null: none, each at its own URL."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "A domain name in lower case, like api.example.com."
  }
}

variable "traffic" {
  description = "What the estimate of a month assumes: requests, seconds of an instance for each, KB out for each, GB in the database."
  type = object({
    requests         = optional(number, 2000000)
    instance_seconds = optional(number, 0.05)
    kilobytes        = optional(number, 4)
    database_gb      = optional(number, 10)
  })
  default = {}

  validation {
    condition     = alltrue([for value in values(var.traffic) : value >= 0]) && var.traffic.database_gb >= 10
    error_message = "Traffic is not negative, and a database's disk has 10 GB at least."
  }
}
