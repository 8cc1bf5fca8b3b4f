# List prices of us-central1, US dollars, and the day they were read. The estimate uses these and nothing else.

locals {
  prices_of = "2026-11-23"

  prices = {
    hours            = 730 # of a month, as Google counts it
    shared_core_hour = { db-f1-micro = 0.0105, db-g1-small = 0.035 }
    vcpu_hour        = 0.0413 # dedicated, ENTERPRISE
    memory_gb_hour   = 0.007
    ssd_gb           = 0.17 # a month; twice with a standby, as the machine
    backup_gb        = 0.08 # a month

    request_million    = 0.40 # Cloud Run, after 2 million free
    vcpu_second        = 0.000024
    memory_gb_second   = 0.0000025
    idle_vcpu_second   = 0.0000025 # of instances kept warm (min_instances)
    free_requests      = 2000000
    free_vcpu_seconds  = 180000
    free_gb_seconds    = 360000
    egress_gb          = 0.12
    free_egress_gb     = 1
    image_gb           = 0.10 # Artifact Registry, after half a GB
    free_image_gb      = 0.5
    job                = 0.10 # Cloud Scheduler, after 3
    free_jobs          = 3
    secret_version     = 0.06 # Secret Manager, after 6
    free_versions      = 6
    alert_condition    = 0.10 # Cloud Monitoring
    series_million     = 0.35 # time series that conditions read, every 30 s
    sample_million     = 0.06 # of metrics that the functions send
    redis_command_100k = 0.20 # Upstash, pay as you go
    free_commands      = 500000
    forwarding_hour    = 0.025 # the load balancer's rule
    armor_policy       = 5
    armor_rule         = 1
    balanced_gb        = 0.008
  }
}
