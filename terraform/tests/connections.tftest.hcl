# The functions never ask for more connections than the tier has, less the reserve: on every documented tier, and whatever departs.

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

run "fits_db_f1_micro" {
  command = plan
  variables {
    tier    = "db-f1-micro"
    gateway = true
  }
  assert {
    condition     = output.connections.functions + output.connections.reserved <= output.connections.tier && output.connections.functions >= length(google_cloudfunctions2_function.domain)
    error_message = "All functions and the gateway fit on db-f1-micro."
  }
}

run "one_step_beyond_db_f1_micro" {
  command = plan
  variables {
    tier      = "db-f1-micro"
    functions = { agents = { max_instances = 100 } }
  }
  expect_failures = [terraform_data.connections]
}

run "fits_db_g1_small" {
  command = plan
  variables {
    tier    = "db-g1-small"
    gateway = true
  }
  assert {
    condition     = output.connections.functions + output.connections.reserved <= output.connections.tier && output.connections.functions >= length(google_cloudfunctions2_function.domain)
    error_message = "All functions and the gateway fit on db-g1-small."
  }
}

run "one_step_beyond_db_g1_small" {
  command = plan
  variables {
    tier      = "db-g1-small"
    functions = { agents = { max_instances = 100 } }
  }
  expect_failures = [terraform_data.connections]
}

run "fits_db_custom_1_3840" {
  command = plan
  variables {
    tier    = "db-custom-1-3840"
    gateway = true
  }
  assert {
    condition     = output.connections.functions + output.connections.reserved <= output.connections.tier && output.connections.functions >= length(google_cloudfunctions2_function.domain)
    error_message = "All functions and the gateway fit on db-custom-1-3840."
  }
}

run "one_step_beyond_db_custom_1_3840" {
  command = plan
  variables {
    tier      = "db-custom-1-3840"
    functions = { agents = { max_instances = 100 } }
  }
  expect_failures = [terraform_data.connections]
}

run "fits_db_custom_2_7680" {
  command = plan
  variables {
    tier    = "db-custom-2-7680"
    gateway = true
  }
  expect_failures = [check.estimate_within_budget] # it costs more than 75 dollars
  assert {
    condition     = output.connections.functions + output.connections.reserved <= output.connections.tier && output.connections.functions >= length(google_cloudfunctions2_function.domain)
    error_message = "All functions and the gateway fit on db-custom-2-7680."
  }
}

run "one_step_beyond_db_custom_2_7680" {
  command = plan
  variables {
    tier      = "db-custom-2-7680"
    functions = { agents = { max_instances = 100 } }
  }
  expect_failures = [terraform_data.connections, check.estimate_within_budget]
}

run "fits_db_custom_4_15360" {
  command = plan
  variables {
    tier    = "db-custom-4-15360"
    gateway = true
  }
  expect_failures = [check.estimate_within_budget] # it costs more than 75 dollars
  assert {
    condition     = output.connections.functions + output.connections.reserved <= output.connections.tier && output.connections.functions >= length(google_cloudfunctions2_function.domain)
    error_message = "All functions and the gateway fit on db-custom-4-15360."
  }
}

run "one_step_beyond_db_custom_4_15360" {
  command = plan
  variables {
    tier      = "db-custom-4-15360"
    functions = { agents = { max_instances = 100 } }
  }
  expect_failures = [terraform_data.connections, check.estimate_within_budget]
}

run "the_sum_is_of_instances_and_pools" {
  command = plan
  assert {
    condition     = output.connections.functions == sum([for name, function in google_cloudfunctions2_function.domain : function.service_config[0].max_instance_count * tonumber(function.service_config[0].environment_variables["DB_POOL_SIZE"])])
    error_message = "What is checked is what the functions are given."
  }
}

run "more_instances_of_one_domain_are_refused" {
  command = plan
  variables {
    functions = { agents = { max_instances = 11 } } # 70 - 9 + 33 = 94 of 90
  }
  expect_failures = [terraform_data.connections]
}

run "as_many_as_there_are_left_are_not" {
  command = plan
  variables {
    functions = { agents = { max_instances = 9 } } # 70 - 9 + 27 = 88
  }
  assert {
    condition     = google_cloudfunctions2_function.domain["agents"].service_config[0].max_instance_count == 9
    error_message = "A departure that fits is taken."
  }
}

run "a_larger_pool_of_one_domain_is_refused" {
  command = plan
  variables {
    functions = { conversations = { pool_size = 11 } } # 70 - 9 + 33 = 94
  }
  expect_failures = [terraform_data.connections]
}

run "a_larger_pool_that_fits_is_not" {
  command = plan
  variables {
    functions = { conversations = { pool_size = 9 } }
  }
  assert {
    condition     = google_cloudfunctions2_function.domain["conversations"].service_config[0].environment_variables["DB_POOL_SIZE"] == "9"
    error_message = "A departure that fits is taken."
  }
}
