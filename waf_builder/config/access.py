"""Access: which addresses may come, and where nginx asks."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.config.model import AddressList
from waf_builder.spec.model import Access, Route, Spec, effective


@dataclass(frozen=True)
class AddressLists:
    """Every list of a configuration.

    everywhere: asked for every request, before nginx looks for its route.
    common: that of routes without one of their own, where others have one.
    """

    everywhere: AddressList | None
    common: AddressList | None
    by_access: dict[Access, AddressList]

    def of(self, route: Route, spec: Spec) -> AddressList | None:
        """Return what a route's gate has to ask; None where that has been done already."""
        if self.everywhere:
            return None
        access = effective(route.access, spec.access)
        return self.by_access[access] if access else None

    @property
    def all(self) -> tuple[AddressList, ...]:
        """Return each list once."""
        return tuple(self.by_access.values())


def build_address_lists(spec: Spec) -> AddressLists:
    """Return the lists of the spec and its routes; equal ones become one."""
    wanted = [spec.access, *(route.access for route in spec.routes)]
    own = dict.fromkeys(access for access in wanted if isinstance(access, Access))
    lists = {access: _list(access, number) for number, access in enumerate(own, 1)}
    common = lists[spec.access] if spec.access else None
    if any(route.access is not None for route in spec.routes):
        return AddressLists(None, common, lists)
    return AddressLists(common, None, lists)


def _list(access: Access, number: int) -> AddressList:
    return AddressList(
        variable=f"waf_refused_address_{number}",
        file=f"access/{number}.conf",
        otherwise=int(bool(access.allow)),
        entries=tuple(
            dict.fromkeys(
                [*((text, 0) for text in access.allow), *((text, 1) for text in access.deny)]
            )
        ),
    )
