# What a month costs, in dollars, and that the default stays under 75.

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

run "the_default_costs_less_than_75" {
  command = plan
  assert {
    condition     = output.estimate_usd.total < 75 && output.estimate_usd.total > 50
    error_message = "The default costs ${output.estimate_usd.total} dollars."
  }
  assert {
    condition     = abs(output.estimate_usd.parts.database - 49.31) < 0.01
    error_message = "One vCPU and 3.75 GB: ${output.estimate_usd.parts.database} dollars."
  }
  assert {
    condition     = abs(output.estimate_usd.total - sum(values(output.estimate_usd.parts))) < 0.1
    error_message = "The parts are the whole."
  }
  assert {
    condition     = can(regex("^20[0-9]{2}-[0-9]{2}-[0-9]{2}$", output.estimate_usd.prices_of))
    error_message = "Prices have a date."
  }
}

run "micro_costs_what_it_is_listed_at" {
  command = plan
  variables {
    tier = "db-f1-micro"
  }
  assert {
    condition     = abs(output.estimate_usd.parts.database - 7.67) < 0.01
    error_message = "db-f1-micro costs ${output.estimate_usd.parts.database} dollars."
  }
}

run "small_costs_what_it_is_listed_at" {
  command = plan
  variables {
    tier = "db-g1-small"
  }
  assert {
    condition     = abs(output.estimate_usd.parts.database - 25.55) < 0.01
    error_message = "db-g1-small costs ${output.estimate_usd.parts.database} dollars."
  }
}

run "what_seed_md_expected_costs_twice_as_much" {
  command = plan
  variables {
    tier = "db-custom-2-7680"
  }
  expect_failures = [check.estimate_within_budget]
  assert {
    condition     = abs(output.estimate_usd.parts.database - 98.63) < 0.01
    error_message = "2 vCPU and 7.5 GB: ${output.estimate_usd.parts.database} dollars."
  }
}

run "a_standby_doubles_machine_and_disk" {
  command = plan
  variables {
    availability_type = "REGIONAL"
  }
  expect_failures = [check.estimate_within_budget]
  assert {
    condition     = abs(output.estimate_usd.parts.database - 98.62) < 0.02 && output.estimate_usd.parts.disk == 3.4
    error_message = "Twice: ${output.estimate_usd.parts.database} and ${output.estimate_usd.parts.disk}."
  }
}

run "more_is_asked_more_is_paid" {
  command = plan
  variables {
    traffic         = { requests = 10000000, database_gb = 40 }
    secret_versions = { admin-key = 1, schema-password = 1, upstash-url = 1, upstash-token = 1 }
    functions       = { agents = { min_instances = 1 } }
  }
  expect_failures = [check.estimate_within_budget]
  assert {
    condition     = output.estimate_usd.parts.functions > 3 && output.estimate_usd.parts.redis == 39 && output.estimate_usd.parts.disk == 6.8 && output.estimate_usd.parts.warm > 6
    error_message = "Requests, Redis, disk and warm instances are counted."
  }
}
