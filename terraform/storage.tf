# Buckets: what functions are built of, and the heads of the sealed audit, outside of the database that they vouch for.

resource "google_storage_bucket" "source" {
  #checkov:skip=CKV_GCP_62: who reads a build's source is in Cloud Audit Logs already
  name                        = "${var.project}-${local.name}-source"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  labels                      = local.labels

  versioning {
    enabled = true
  }

  # An archive is named by its contents: one that was replaced a year ago is in no revision to go back to. It has no newer versions:
  # its successor has another name.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 365
      with_state                 = "ARCHIVED"
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_object" "archive" {
  for_each = local.functions

  bucket       = google_storage_bucket.source.name
  name         = "${each.key}/${var.archives[each.key].hash}.zip"
  source       = var.archives[each.key].path
  content_type = "application/zip"

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_storage_bucket" "audit_heads" {
  #checkov:skip=CKV_GCP_62: who reads or writes it is in Cloud Audit Logs
  #checkov:skip=CKV_GCP_78: a bucket has versions or a retention policy, never both; under this one nothing is replaced or deleted
  name                        = "${var.project}-${local.name}-audit-heads"
  location                    = var.backup_location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  labels                      = local.labels

  # Written once: a head that could be replaced would vouch for nothing.
  retention_policy {
    retention_period = 7 * 365 * 24 * 3600
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.api]
}

locals {
  audit_grants = { for grant in flatten([
    [for name in ["jobs", "gateway"] : { function = name, role = "roles/storage.objectCreator" }],
    [for name in ["jobs", "gateway", "audit"] : { function = name, role = "roles/storage.objectViewer" }],
  ]) : "${grant.function} ${grant.role}" => grant if contains(keys(local.functions), grant.function) }
}

resource "google_storage_bucket_iam_member" "audit_heads" {
  for_each = local.audit_grants

  bucket = google_storage_bucket.audit_heads.name
  role   = each.value.role
  member = google_service_account.function[each.value.function].member
}
