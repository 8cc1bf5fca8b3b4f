# As production, one tier below.
environment   = "staging"
tier          = "db-g1-small"
disk_limit_gb = 50
budget_usd    = 50
traffic       = { requests = 500000 }
