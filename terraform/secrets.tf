# Secrets: made here, their values passed through (write-only), each readable by the functions that need it and by nobody else.
# A version is pinned: a new value reaches a function by a new revision. The way back is the traffic to the revision before, whose
# version stays as it was; whoever is sure takes it away: gcloud secrets versions disable.

locals {
  # secret -> the functions that read it, and the variable it arrives in (null: the function reads it by its name)
  secret_readers = {
    admin-key             = { variable = "AGENTHUB_ADMIN_KEY", functions = keys(local.functions) }
    schema-password       = { variable = null, functions = ["schema"] }
    upstash-url           = { variable = "UPSTASH_REDIS_REST_URL", functions = local.caching }
    upstash-token         = { variable = "UPSTASH_REDIS_REST_TOKEN", functions = local.caching }
    stripe-api-key        = { variable = "STRIPE_API_KEY", functions = local.paying }
    stripe-webhook-secret = { variable = "STRIPE_WEBHOOK_SECRET", functions = local.paying }
    embedding-api-key     = { variable = null, functions = local.embedding }
  }
  caching   = setsubtract(keys(local.functions), ["schema", "migration"])
  paying    = setintersection(keys(local.functions), ["payments", "jobs", "gateway"])
  embedding = setintersection(keys(local.functions), ["knowledge", "rag", "jobs", "gateway"])

  secret_grants = { for pair in flatten([for secret, reader in local.secret_readers :
    [for function in reader.functions : { secret = secret, function = function }] if contains(keys(var.secret_versions), secret)
  ]) : "${pair.secret} ${pair.function}" => pair }

  secret_environment = { for name, _ in local.functions : name => {
    for secret, reader in local.secret_readers : reader.variable => secret
    if reader.variable != null && contains(keys(var.secret_versions), secret) && contains(reader.functions, name)
  } }
}

resource "google_secret_manager_secret" "secret" {
  for_each = var.secret_versions

  secret_id           = "${local.name}-${each.key}"
  deletion_protection = true
  labels              = local.labels

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_version" "secret" {
  for_each = var.secret_versions

  secret                 = google_secret_manager_secret.secret[each.key].id
  secret_data_wo         = lookup(var.secret_values, each.key, null)
  secret_data_wo_version = each.value
  deletion_policy        = "ABANDON" # the revision that serves reads the version before

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_iam_member" "function" {
  for_each = local.secret_grants

  secret_id = google_secret_manager_secret.secret[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.function].member
}
