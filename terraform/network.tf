# The network of a private database: functions reach it by Direct VPC egress, all else goes straight to the internet. None of this
# costs anything by itself (no connector, no NAT). It is not the default: Google says that a new instance may have to wait a minute and
# more before its first connection gets through, where the functions give up after 3 s, and whoever scales to zero begins often.

locals {
  private = var.connectivity == "private"
}

resource "google_compute_network" "main" {
  #checkov:skip=CKV2_GCP_18: no virtual machine is in it, so that no firewall rule would have anything to guard
  count = local.private ? 1 : 0

  name                    = local.name
  auto_create_subnetworks = false
  depends_on              = [google_project_service.api]
}

resource "google_compute_subnetwork" "functions" {
  #checkov:skip=CKV_GCP_26: flow logs would cost more than they tell, only functions send from here
  #checkov:skip=CKV_GCP_76: no IPv6 in it
  count = local.private ? 1 : 0

  name                     = "${local.name}-functions"
  network                  = google_compute_network.main[0].id
  region                   = var.region
  ip_cidr_range            = "10.8.0.0/23" # 508: two an instance, for the 76 of the largest tier, twice while a revision is replaced
  private_ip_google_access = true
}

resource "google_compute_global_address" "services" {
  count = local.private ? 1 : 0

  name          = "${local.name}-services"
  network       = google_compute_network.main[0].id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
}

resource "google_service_networking_connection" "services" {
  count = local.private ? 1 : 0

  network                 = google_compute_network.main[0].id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services[0].name]
  deletion_policy         = "ABANDON" # a peering in use cannot be removed with the instance
}
