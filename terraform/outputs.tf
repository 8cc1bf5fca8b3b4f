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
