# What a month costs, from the plan's own values and the prices of prices.tf, at the traffic of var.traffic.

locals {
  p = local.prices

  machine_month = local.p.hours * (
    contains(keys(local.p.shared_core_hour), var.tier) ? lookup(local.p.shared_core_hour, var.tier, 0) :
    local.tier.vcpus * local.p.vcpu_hour + local.tier.memory_gb * local.p.memory_gb_hour
  )
  copies = var.availability_type == "REGIONAL" ? 2 : 1

  # An instance is counted for one request at a time, though it serves many: the worst case.
  busy_seconds = var.traffic.requests * var.traffic.instance_seconds
  busy_gb      = max([for function in local.functions : function.memory_mb / 1024 if function.public]...)
  warm_seconds = local.p.hours * 3600 * sum([for function in local.functions : function.min_instances])
  warm_gb_secs = local.p.hours * 3600 * sum([for function in local.functions : function.min_instances * function.memory_mb / 1024])
  egress_gb    = var.traffic.requests * var.traffic.kilobytes / 1024 / 1024
  samples      = length(local.functions) * 150 * local.p.hours * 60 / 2 # 150 series each, in every second minute
  conditions   = length(local.alerts) + sum([for burn in local.burn_rates : length(burn.windows)])

  estimate = {
    database  = local.machine_month * local.copies
    replica   = var.read_replica ? local.machine_month + var.traffic.database_gb * local.p.ssd_gb : 0
    disk      = var.traffic.database_gb * local.p.ssd_gb * local.copies
    backups   = var.traffic.database_gb * local.p.backup_gb * 2 # the first is whole, the others and the log are what changed
    address   = 0                                               # a private one is free, a public one while the instance runs
    functions = max(0, var.traffic.requests - local.p.free_requests) / 1000000 * local.p.request_million + max(0, local.busy_seconds - local.p.free_vcpu_seconds) * local.p.vcpu_second + max(0, local.busy_seconds * local.busy_gb - local.p.free_gb_seconds) * local.p.memory_gb_second
    warm      = local.warm_seconds * local.p.idle_vcpu_second + local.warm_gb_secs * local.p.memory_gb_second
    egress    = max(0, local.egress_gb - local.p.free_egress_gb) * local.p.egress_gb
    images    = max(0, length(local.functions) * 0.15 - local.p.free_image_gb) * local.p.image_gb
    scheduler = max(0, length(local.jobs) - local.p.free_jobs) * local.p.job
    secrets   = max(0, length(var.secret_versions) - local.p.free_versions) * local.p.secret_version
    alerts    = local.conditions * (local.p.alert_condition + 2 * 86400 / 1000000 * local.p.series_million)
    telemetry = var.telemetry ? local.samples / 1000000 * local.p.sample_million : 0
    redis     = contains(keys(var.secret_versions), "upstash-url") ? max(0, 2 * var.traffic.requests - local.p.free_commands) / 100000 * local.p.redis_command_100k : 0
    balancer  = local.balanced ? local.p.hours * local.p.forwarding_hour + local.p.armor_policy + 3 * local.p.armor_rule + local.egress_gb * local.p.balanced_gb : 0
  }
  estimated_usd = ceil(sum(values(local.estimate)) * 100) / 100
}

# A warning and no refusal: high availability is worth more than 75 dollars to whom it is.
check "estimate_within_budget" {
  assert {
    condition     = local.estimated_usd <= var.budget_usd
    error_message = "A month is estimated at ${local.estimated_usd} dollars, the budget is ${var.budget_usd}: it will alert."
  }
}
