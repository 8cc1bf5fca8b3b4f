# Which Terraform, which provider, where the state lies and in whose name it works. No credentials: those of whoever runs it.

terraform {
  required_version = ">= 1.11" # write-only arguments

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45"
    }
  }

  # Given to `init`: -backend-config=bucket=PROJECT-agenthub-state -backend-config=prefix=ENVIRONMENT
  backend "gcs" {}
}

provider "google" {
  project = var.project
  region  = var.region

  # The budget's API wants a project that pays for its calls.
  billing_project       = var.project
  user_project_override = true

  default_labels = local.labels
}

data "google_project" "this" {
  project_id = var.project
}

locals {
  name   = "agenthub"
  labels = { app = local.name, environment = var.environment, managed_by = "terraform" }
}
