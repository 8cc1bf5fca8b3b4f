# The default: one dedicated vCPU, 3.75 GB, one zone. A zonal instance has no SLA; availability_type = "REGIONAL" has, for twice.
environment   = "production"
tier          = "db-custom-1-3840"
backups_kept  = 14
disk_limit_gb = 100
budget_usd    = 75
