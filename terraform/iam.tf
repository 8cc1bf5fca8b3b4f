# Who may do what. A service account a function, none of Google's defaults, no owner, editor or viewer.

resource "google_service_account" "function" {
  for_each = local.functions

  account_id   = "${local.name}-${each.key}"
  display_name = "AgentHub ${each.key}"
  depends_on   = [google_project_service.api]
}

locals {
  account_roles = merge(
    {
      "roles/cloudsql.client"       = "this_instance" # asks for the connector's certificates
      "roles/cloudsql.instanceUser" = "this_instance" # logs in as itself
    },
    # The Telemetry API, where OTLP goes.
    var.telemetry ? { "roles/monitoring.metricWriter" = null, "roles/cloudtrace.agent" = null, "roles/telemetry.writer" = null } : {},
  )

  # By its beginning: an instance that restore.sh made is named like the lost one, so that a switch to it changes no grant.
  this_instance = {
    title       = "this_instance"
    description = "the databases of this environment alone"
    expression  = "resource.service == \"sqladmin.googleapis.com\" && resource.name.startsWith(\"projects/${var.project}/instances/${local.instance_name}\")"
  }

  grants = merge(
    { for pair in setproduct(keys(local.functions), keys(local.account_roles)) :
      "${pair[0]} ${pair[1]}" => { function = pair[0], role = pair[1], conditioned = local.account_roles[pair[1]] != null }
    },
    { for name in ["knowledge", "rag", "jobs", "gateway"] :
      "${name} roles/aiplatform.user" => { function = name, role = "roles/aiplatform.user", conditioned = false }
      if local.embeds_with_vertex && contains(keys(local.functions), name)
    },
  )

  embeds_with_vertex = lookup(var.settings, "EMBEDDING_PROVIDER", "none") == "vertex"
}

resource "google_project_iam_member" "function" {
  for_each = local.grants

  project = var.project
  role    = each.value.role
  member  = google_service_account.function[each.value.function].member

  dynamic "condition" {
    for_each = each.value.conditioned ? [local.this_instance] : []
    content {
      title       = condition.value.title
      description = condition.value.description
      expression  = condition.value.expression
    }
  }
}

# Scheduler calls with an account of its own, which may do nothing else.
resource "google_service_account" "scheduler" {
  account_id   = "${local.name}-scheduler"
  display_name = "AgentHub scheduler"
  depends_on   = [google_project_service.api]
}

# What builds the functions' images: reads the archives, writes images and its log.
resource "google_service_account" "builder" {
  account_id   = "${local.name}-builder"
  display_name = "AgentHub builder"
  depends_on   = [google_project_service.api]
}

resource "google_project_iam_member" "builder" {
  for_each = toset(["roles/logging.logWriter", "roles/artifactregistry.writer"])

  project = var.project
  role    = each.value
  member  = google_service_account.builder.member
}

resource "google_storage_bucket_iam_member" "builder" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.builder.member
}

# Cloud Functions copies an archive to a bucket of its own, made at the first deployment, and builds from there.
resource "google_project_iam_member" "builder_sources" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.builder.member

  condition {
    title       = "sources"
    description = "the archives as Cloud Functions has copied them"
    expression  = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-\")"
  }
}

# Who may call a function at all. A binding is the whole list: a member put in by hand goes at the next apply.
resource "google_cloud_run_v2_service_iam_binding" "invoker" {
  for_each = local.functions

  project  = var.project
  location = var.region
  name     = google_cloudfunctions2_function.domain[each.key].name
  role     = "roles/run.invoker"
  members = (
    each.value.public ? ["allUsers"] :
    each.key == "jobs" ? ["serviceAccount:${local.accounts.scheduler}"] :
    each.key == "schema" ? ["serviceAccount:${local.accounts.migrator}"] :
    tolist(var.operators)
  )

  lifecycle {
    # A function made anew has nobody in its list; one that is only redeployed keeps it.
    replace_triggered_by = [google_cloudfunctions2_function.domain[each.key].id]
  }

  depends_on = [google_service_account.migrator, google_service_account.scheduler]
}
