# The version that the tree was checked with. `terraform init` adds the hashes of its packages, as the registry signed them: commit them.

provider "registry.terraform.io/hashicorp/google" {
  version     = "7.45.0"
  constraints = "~> 7.45"
}
