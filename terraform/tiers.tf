# The documented steps of the database, smallest first, and how many connections the functions may make on each.
# `connections` is Cloud SQL's default of max_connections for the tier's memory. `pool` is each instance's, `scale` multiplies
# the instances of domains.tf (where these are more than one).

locals {
  tiers = {
    db-f1-micro       = { connections = 25, vcpus = 0, memory_gb = 0.6, pool = 1, scale = 0.25 }
    db-g1-small       = { connections = 50, vcpus = 0, memory_gb = 1.7, pool = 2, scale = 0.5 }
    db-custom-1-3840  = { connections = 100, vcpus = 1, memory_gb = 3.75, pool = 3, scale = 1 }
    db-custom-2-7680  = { connections = 400, vcpus = 2, memory_gb = 7.5, pool = 5, scale = 3 }
    db-custom-4-15360 = { connections = 500, vcpus = 4, memory_gb = 15, pool = 6, scale = 3 }
  }
  # An unknown tier is refused by its variable; until then the smallest stands in, so that the message is that one.
  tier = lookup(local.tiers, var.tier, local.tiers["db-f1-micro"])

  # Kept free of the functions: PostgreSQL's own superuser slots, Cloud SQL's agents, backups, an operator. Cloud Run bounds the
  # instances of each revision by themselves: while a release has two of them serve, they could open twice as many connections, if
  # both were at their most. Requests that then get none answer 503.
  reserved_connections = 10
  connections          = sum([for function in local.functions : function.max_instances * function.pool_size])
}

resource "terraform_data" "connections" {
  input = local.connections

  lifecycle {
    precondition {
      condition     = local.connections + local.reserved_connections <= local.tier.connections
      error_message = "The functions could open ${local.connections} connections; ${var.tier} has ${local.tier.connections}, of which ${local.reserved_connections} are kept free. Fewer instances, smaller pools, or the next tier."
    }
  }
}
