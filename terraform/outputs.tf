# What one needs after an apply. Nothing here is secret.

output "urls" {
  description = "Where each function answers."
  value       = { for name, url in local.urls : name => local.balanced && local.functions[name].public ? "https://${var.domain_name}${local.paths[name]}" : url }
}

output "database" {
  description = "The instance, as its connector names it."
  value       = local.connection_name
}

output "estimate_usd" {
  description = "What a month costs, at the traffic of var.traffic and the prices of prices_of."
  value       = { total = local.estimated_usd, prices_of = local.prices_of, parts = { for part, usd in local.estimate : part => floor(usd * 100 + 0.5) / 100 } }
}

output "connections" {
  description = "How many connections the functions could open, of how many."
  value       = { functions = local.connections, reserved = local.reserved_connections, tier = local.tier.connections }
}

output "release_account" {
  description = "What cloudbuild.yaml runs as."
  value       = google_service_account.release.email
}

output "balancer_address" {
  description = "Where the name of the load balancer must point; null without one."
  value       = one(google_compute_global_address.edge[*].address)
}

output "released_by_share" {
  description = "Functions that a release moves by a share of their traffic first."
  value       = join(" ", [for name, _ in local.functions : name if name != "schema" && !contains(var.migrating, name)])
}

output "released_at_once" {
  description = "Functions that hold a memory: no share of their traffic can be with a second one."
  value       = join(" ", var.migrating)
}

output "instance_options" {
  description = "How gcloud makes an instance like the one here: what restore.sh restores a backup to."
  value = join(" ", concat([
    "--database-version=${google_sql_database_instance.main.database_version}",
    "--edition=enterprise",
    "--tier=${var.tier}",
    "--availability-type=${lower(var.availability_type)}",
    "--region=${var.region}",
    "--storage-size=10GB",
    "--storage-auto-increase",
    "--connector-enforcement=REQUIRED",
    "--ssl-mode=TRUSTED_CLIENT_CERTIFICATE_REQUIRED",
    "--insights-config-query-insights-enabled",
    "--database-flags=^;^${join(";", [for name, value in local.database_flags : "${name}=${value}"])}",
  ], local.private ? ["--no-assign-ip", "--network=${google_compute_network.main[0].id}", "--enable-google-private-path"] : ["--assign-ip"]))
}

output "guard_options" {
  description = "Backups and protection of an instance that Terraform did not make: what restore.sh gives one before it serves."
  value       = "--backup-start-time=02:00 --backup-location=${var.backup_location} --retained-backups-count=${var.backups_kept} --enable-point-in-time-recovery --retained-transaction-log-days=7 --deletion-protection"
}
