# Smallest that works: one shared core, everything scales to zero. About 18 dollars a month. Shared cores have no SLA.
environment   = "development"
tier          = "db-f1-micro"
disk_limit_gb = 20
budget_usd    = 30
traffic       = { requests = 100000 }
settings      = { LOG_LEVEL = "debug" }
