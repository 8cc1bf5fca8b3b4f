# Every validation says no to what it is there for.

mock_provider "google" {}

variables {
  project         = "agenthub-test"
  environment     = "production"
  billing_account = "01AB23-45CD67-89EF01"
  alert_emails    = ["ops@example.com"]
  secret_values   = { admin-key = "0123456789012345678901234567890123456789", schema-password = "Not-a-password-1" }
  archives = { for name in [
    "organizations", "agents", "conversations", "database", "analytics", "payments", "knowledge", "rag", "audit", "migration", "schema", "jobs", "gateway",
  ] : name => { path = "dist/archives/${name}.zip", hash = sha256(name) } }
}

run "a_project_that_is_none" {
  command = plan
  variables {
    project = "No Project"
  }
  expect_failures = [var.project]
}

run "a_zone_for_a_region" {
  command = plan
  variables {
    region = "us-central1-a"
  }
  expect_failures = [var.region]
}

run "an_environment_that_is_none" {
  command = plan
  variables {
    environment = "qa"
  }
  expect_failures = [var.environment]
}

run "a_billing_account_that_is_none" {
  command = plan
  variables {
    billing_account = "12345"
  }
  expect_failures = [var.billing_account]
}

run "a_budget_above_75" {
  command = plan
  variables {
    budget_usd = 76
  }
  expect_failures = [var.budget_usd]
}

run "a_budget_of_nothing" {
  command = plan
  variables {
    budget_usd = 0
  }
  expect_failures = [var.budget_usd]
}

run "a_budget_with_cents" {
  command = plan
  variables {
    budget_usd = 20.5
  }
  expect_failures = [var.budget_usd]
}

run "nobody_to_alert" {
  command = plan
  variables {
    alert_emails = []
  }
  expect_failures = [var.alert_emails]
}

run "more_to_alert_than_a_budget_tells" {
  command = plan
  variables {
    alert_emails = [for n in range(6) : "ops${n}@example.com"]
  }
  expect_failures = [var.alert_emails]
}

run "an_address_that_is_none" {
  command = plan
  variables {
    alert_emails = ["ops"]
  }
  expect_failures = [var.alert_emails]
}

run "everybody_as_operator" {
  command = plan
  variables {
    operators = ["allUsers"]
  }
  expect_failures = [var.operators]
}

run "an_operator_without_a_kind" {
  command = plan
  variables {
    operators = ["ops@example.com"]
  }
  expect_failures = [var.operators]
}

run "a_tier_without_documentation" {
  command = plan
  variables {
    tier = "db-custom-1-4096"
  }
  expect_failures = [var.tier]
}

run "an_availability_that_is_none" {
  command = plan
  variables {
    availability_type = "GLOBAL"
  }
  expect_failures = [var.availability_type]
}

run "a_standby_of_a_shared_core" {
  command = plan
  variables {
    tier              = "db-g1-small"
    availability_type = "REGIONAL"
  }
  expect_failures = [var.availability_type]
}

run "a_replica_of_a_shared_core" {
  command = plan
  variables {
    tier         = "db-f1-micro"
    read_replica = true
  }
  expect_failures = [var.read_replica]
}

run "a_disk_without_limit" {
  command = plan
  variables {
    disk_limit_gb = 0
  }
  expect_failures = [var.disk_limit_gb]
}

run "a_disk_without_end" {
  command = plan
  variables {
    disk_limit_gb = 5000
  }
  expect_failures = [var.disk_limit_gb]
}

run "too_few_backups" {
  command = plan
  variables {
    backups_kept = 6
  }
  expect_failures = [var.backups_kept]
}

run "too_many_backups" {
  command = plan
  variables {
    backups_kept = 366
  }
  expect_failures = [var.backups_kept]
}

run "backups_in_one_region" {
  command = plan
  variables {
    backup_location = "us-central1"
  }
  expect_failures = [var.backup_location]
}

run "a_database_open_to_networks" {
  command = plan
  variables {
    connectivity = "public"
  }
  expect_failures = [var.connectivity]
}

run "an_archive_without_a_hash" {
  command = plan
  variables {
    archives = { for name, _ in var.archives : name => { path = "${name}.zip", hash = "latest" } }
  }
  expect_failures = [var.archives]
}

run "an_archive_that_is_none" {
  command = plan
  variables {
    archives = { for name, archive in var.archives : name => { path = "${name}.tar", hash = archive.hash } }
  }
  expect_failures = [var.archives]
}

run "a_function_without_archive" {
  command = plan
  variables {
    archives = { for name, archive in var.archives : name => archive if name != "rag" }
  }
  expect_failures = [var.archives]
}

run "a_departure_of_no_function" {
  command = plan
  variables {
    functions = { angels = { max_instances = 1 } }
  }
  expect_failures = [var.functions]
}

run "no_instance_at_all" {
  command = plan
  variables {
    functions = { agents = { max_instances = 0 } }
  }
  expect_failures = [var.functions]
}

run "more_instances_at_least_than_at_most" {
  command = plan
  variables {
    functions = { agents = { max_instances = 1, min_instances = 2 } }
  }
  expect_failures = [var.functions]
}

run "an_empty_pool" {
  command = plan
  variables {
    functions = { agents = { pool_size = 0 } }
  }
  expect_failures = [var.functions]
}

run "memory_that_cannot_be_had" {
  command = plan
  variables {
    functions = { agents = { memory_mb = 300 } }
  }
  expect_failures = [var.functions]
}

run "no_request_at_once" {
  command = plan
  variables {
    functions = { agents = { concurrency = 0 } }
  }
  expect_failures = [var.functions]
}

run "migrating_what_was_no_dictionary" {
  command = plan
  variables {
    migrating = ["audit"]
  }
  expect_failures = [var.migrating]
}

run "migrating_behind_the_gateway" {
  command = plan
  variables {
    migrating = ["agents"]
    gateway   = true
  }
  expect_failures = [var.migrating]
}

run "a_setting_of_the_database" {
  command = plan
  variables {
    settings = { DB_USER = "postgres" }
  }
  expect_failures = [var.settings]
}

run "the_local_model_in_the_cloud" {
  command = plan
  variables {
    settings = { EMBEDDING_PROVIDER = "local" }
  }
  expect_failures = [var.settings]
}

run "a_secret_that_nobody_reads" {
  command = plan
  variables {
    secret_versions = { admin-key = 1, schema-password = 1, github-token = 1 }
  }
  expect_failures = [var.secret_versions]
}

run "no_admin_key" {
  command = plan
  variables {
    secret_versions = { schema-password = 1 }
  }
  expect_failures = [var.secret_versions]
}

run "redis_without_its_token" {
  command = plan
  variables {
    secret_versions = { admin-key = 1, schema-password = 1, upstash-url = 1 }
  }
  expect_failures = [var.secret_versions]
}

run "stripe_without_its_webhook" {
  command = plan
  variables {
    secret_versions = { admin-key = 1, schema-password = 1, stripe-api-key = 1 }
  }
  expect_failures = [var.secret_versions]
}

run "a_name_that_is_an_address" {
  command = plan
  variables {
    domain_name = "https://api.example.com/"
  }
  expect_failures = [var.domain_name]
}

run "traffic_below_nothing" {
  command = plan
  variables {
    traffic = { requests = -1 }
  }
  expect_failures = [var.traffic]
}

run "a_disk_below_the_least" {
  command = plan
  variables {
    traffic = { database_gb = 5 }
  }
  expect_failures = [var.traffic]
}

run "an_instance_with_its_project" {
  command = plan
  variables {
    serving_instance = "project:region:agenthub-production-restored"
  }
  expect_failures = [var.serving_instance]
}

run "an_instance_that_the_functions_may_not_log_in_to" {
  command = plan
  variables {
    serving_instance = "agenthub-restored"
  }
  expect_failures = [var.serving_instance]
}
