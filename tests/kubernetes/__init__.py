"""Kubernetes' manifests: built by kustomize, valid for each version, and of one piece."""
