# The functions themselves, of the map in domains.tf.

locals {
  environment = { for name, function in local.functions : name => merge(
    {
      GOOGLE_CLOUD_PROJECT     = var.project
      INSTANCE_CONNECTION_NAME = local.connection_name
      DB_IP_TYPE               = local.private ? "PRIVATE" : "PUBLIC"
      DB_AUTH                  = "IAM"
      DB_NAME                  = local.name
      DB_USER                  = "${local.name}-${name}@${var.project}.iam"
      DB_POOL_SIZE             = tostring(function.pool_size)
      # The key arrives with the revision; a newer one is looked for in its secret.
      AGENTHUB_ADMIN_KEY_SECRET = "${local.name}-admin-key"
    },
    var.telemetry ? {
      OTEL_EXPORTER_OTLP_ENDPOINT = "https://telemetry.googleapis.com"
      OTEL_RESOURCE_ATTRIBUTES    = "cloud.region=${var.region},deployment.environment.name=${var.environment}"
    } : {},
    # The balancer adds its own address behind the caller's.
    local.balanced && function.public ? { TRUSTED_PROXIES = "1" } : {},
    var.settings,
    contains(["audit", "jobs", "gateway"], name) ? { AUDIT_HEAD_BUCKET = "${var.project}-${local.name}-audit-heads${var.serving_instance == "" ? "" : "/${var.serving_instance}"}" } : {},
    contains(local.embedding, name) && contains(keys(var.secret_versions), "embedding-api-key") ? {
      EMBEDDING_API_KEY_SECRET = "${local.name}-embedding-api-key"
    } : {},
    # Cloud Run has checked the token of who gets through to these, and took its signature away.
    name == "jobs" ? { ALLOWED_SERVICE_ACCOUNTS = local.accounts.scheduler, ID_TOKEN_AUDIENCES = local.urls.jobs, ID_TOKEN_SIGNATURES = "REMOVED" } : {},
    name == "schema" ? {
      ALLOWED_SERVICE_ACCOUNTS = local.accounts.migrator, ID_TOKEN_AUDIENCES = local.urls.schema, ID_TOKEN_SIGNATURES = "REMOVED"
      DB_AUTH                  = "PASSWORD", DB_USER = google_sql_user.schema.name, DB_PASSWORD_SECRET = "${local.name}-schema-password"
      DB_LOGINS                = local.logins
    } : {},
  ) }

  # Known before the accounts are made.
  accounts = { for name in ["scheduler", "release", "migrator"] : name => "${local.name}-${name}@${var.project}.iam.gserviceaccount.com" }
}

# By hand a new revision takes all of the traffic at once, as a switch to a restored instance must. A release holds it (hold_traffic), and
# makes a revision of every function, changed or not: Google reads `true` of whichever is served by its newest.
resource "google_cloudfunctions2_function" "domain" {
  for_each = local.functions

  name     = "${local.name}-${each.key}"
  location = var.region
  labels   = local.labels

  build_config {
    runtime         = "nodejs24"
    entry_point     = each.key # becomes FUNCTION_TARGET
    service_account = google_service_account.builder.id

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.archive[each.key].name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.function[each.key].email
    available_memory                 = "${each.value.memory_mb}Mi"
    available_cpu                    = "1" # more than one request at once needs a whole one
    max_instance_request_concurrency = each.value.concurrency
    min_instance_count               = each.value.min_instances
    max_instance_count               = each.value.max_instances
    timeout_seconds                  = each.value.timeout
    ingress_settings                 = local.balanced && each.value.public ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_ALL"
    all_traffic_on_latest_revision   = !var.hold_traffic
    environment_variables            = local.environment[each.key]

    direct_vpc_egress = local.private ? "VPC_EGRESS_PRIVATE_RANGES_ONLY" : null
    dynamic "direct_vpc_network_interface" {
      for_each = local.private ? [1] : []
      content {
        network    = google_compute_network.main[0].name
        subnetwork = google_compute_subnetwork.functions[0].name
      }
    }

    dynamic "secret_environment_variables" {
      for_each = local.secret_environment[each.key]
      content {
        key        = secret_environment_variables.key
        project_id = var.project
        secret     = google_secret_manager_secret.secret[secret_environment_variables.value].secret_id
        version    = google_secret_manager_secret_version.secret[secret_environment_variables.value].version
      }
    }
  }

  # An instance that starts before it may read its secrets or log in would not start.
  depends_on = [
    google_project_iam_member.builder,
    google_project_iam_member.builder_sources,
    google_project_iam_member.function,
    google_project_service.api,
    google_secret_manager_secret_iam_member.function,
    google_sql_database.main,
    google_sql_user.function,
    google_storage_bucket_iam_member.audit_heads,
    google_storage_bucket_iam_member.builder,
    terraform_data.connections,
  ]
}
