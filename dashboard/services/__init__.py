"""Everything that outlives a request, put together once."""

from __future__ import annotations

from dashboard.services.assembly import Services, build_services

__all__ = ["Services", "build_services"]
