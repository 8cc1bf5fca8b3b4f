# Cloud SQL. Steps up are in tiers.tf; what a month costs in estimate.tf.

locals {
  instance_name   = "${local.name}-${var.environment}"
  serving         = var.serving_instance == "" ? local.instance_name : var.serving_instance
  connection_name = "${var.project}:${var.region}:${local.serving}"
}

resource "google_sql_database_instance" "main" {
  #checkov:skip=CKV_GCP_60: with `connector` the public address opens to the connector's client certificates alone; `private` has none
  #checkov:skip=CKV_GCP_6: TRUSTED_CLIENT_CERTIFICATE_REQUIRED is stricter than the mode that the rule looks for
  #checkov:skip=CKV_GCP_109: log_min_messages stays at its default, errors are logged
  name                     = local.instance_name
  region                   = var.region
  database_version         = "POSTGRES_17"
  deletion_protection      = true # Terraform's own
  final_backup_description = "the last state of ${local.instance_name}"

  settings {
    edition                     = "ENTERPRISE" # the default from PostgreSQL 16 on is ENTERPRISE_PLUS, which refuses these tiers
    tier                        = var.tier
    availability_type           = var.availability_type
    activation_policy           = "ALWAYS"
    deletion_protection_enabled = true # Cloud SQL's, against every other way
    retain_backups_on_delete    = true
    connector_enforcement       = "REQUIRED"
    user_labels                 = local.labels

    disk_type             = "PD_SSD"
    disk_size             = 10 # GB, where it begins
    disk_autoresize       = true
    disk_autoresize_limit = var.disk_limit_gb

    backup_configuration {
      enabled                        = true
      start_time                     = "02:00" # UTC
      location                       = var.backup_location
      point_in_time_recovery_enabled = true # REGIONAL needs it as well
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = var.backups_kept
        retention_unit   = "COUNT"
      }
    }

    final_backup_config {
      enabled        = true
      retention_days = 30
    }

    maintenance_window {
      day          = 7 # Sunday
      hour         = 4 # UTC, after the backup
      update_track = "stable"
    }

    insights_config {
      query_insights_enabled  = true
      record_application_tags = true # the route and the statement's name, as comments on what is slow
      record_client_address   = false
      query_string_length     = 4500
      query_plans_per_minute  = 5
    }

    password_validation_policy {
      enable_password_policy      = true
      min_length                  = 20
      complexity                  = "COMPLEXITY_DEFAULT"
      reuse_interval              = 5
      disallow_username_substring = true
    }

    # No authorized network in either case: without a certificate of the connector nobody gets to the port.
    ip_configuration {
      ipv4_enabled                                  = !local.private
      private_network                               = local.private ? google_compute_network.main[0].id : null
      enable_private_path_for_google_cloud_services = local.private ? true : null
      ssl_mode                                      = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
    }

    dynamic "database_flags" {
      for_each = local.database_flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [settings[0].disk_size] # it grows by itself, and cannot shrink
  }

  depends_on = [google_project_service.api, google_service_networking_connection.services]
}

locals {
  database_flags = {
    "cloudsql.iam_authentication"         = "on"
    "cloudsql.enable_pgaudit"             = "on"
    "pgaudit.log"                         = "ddl,role" # who changes tables and rights; rows are audited by the schema itself
    "log_min_duration_statement"          = "100"      # ms
    "log_error_verbosity"                 = "terse"    # leaves out details: a slow statement's values, the row that broke a rule
    "log_lock_waits"                      = "on"
    "log_temp_files"                      = "0"
    "log_checkpoints"                     = "on"
    "log_connections"                     = "on"
    "log_disconnections"                  = "on"
    "idle_in_transaction_session_timeout" = "60000" # ms; the functions' own, 10 s, is stricter
    "statement_timeout"                   = "600000"
    "pg_stat_statements.track"            = "top"
    "pg_stat_statements.max"              = "5000"
  }
}

resource "google_sql_database" "main" {
  name            = local.name
  instance        = google_sql_database_instance.main.name
  charset         = "UTF8"
  collation       = "en_US.UTF8"
  deletion_policy = "ABANDON"
}

resource "google_sql_database_instance" "replica" {
  #checkov:skip=CKV_GCP_14: a replica has no backups of its own
  #checkov:skip=CKV_GCP_60: as with the instance that it copies
  #checkov:skip=CKV_GCP_6: as with the instance that it copies
  count = var.read_replica ? 1 : 0

  name                 = "${local.instance_name}-replica"
  region               = var.region
  database_version     = google_sql_database_instance.main.database_version
  master_instance_name = google_sql_database_instance.main.name
  deletion_protection  = true

  settings {
    edition                     = "ENTERPRISE"
    tier                        = var.tier
    availability_type           = "ZONAL"
    deletion_protection_enabled = true
    connector_enforcement       = "REQUIRED"
    user_labels                 = local.labels
    disk_autoresize             = true
    disk_autoresize_limit       = var.disk_limit_gb

    ip_configuration {
      ipv4_enabled    = !local.private
      private_network = local.private ? google_compute_network.main[0].id : null
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
    }

    dynamic "database_flags" {
      for_each = local.database_flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }
}
