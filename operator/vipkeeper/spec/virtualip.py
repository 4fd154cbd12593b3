"""VirtualIP: the object that users write, and the status that they read. The CRD is generated from these types.

Each field's docstring is what `kubectl explain vip.spec` prints: meaning, unit, bounds, default. A field is here only
when something acts on it; none is accepted and ignored. Rules that span several fields stand in `rules.py`, once in
CEL (for the API server) and once in Python (for us, who never trust what the API server let through).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from vipkeeper.spec import rules
from vipkeeper.spec.model import Moment, Reported, Second, Written, kubernetes, list_map
from vipkeeper.spec.nginx import Nginx
from vipkeeper.spec.rules import LABEL_KEY_PATTERN
from vipkeeper.spec.scalars import DNS_SUBDOMAIN_PATTERN, DNSLabel, ObjectName, Port

MAX_ADDRESSES = 20
MAX_NODE_PRIORITIES = 64
MAX_TOLERATIONS = 16
MAX_CHECKS = 8
MAX_HMAC_KEYS = 8
MAX_EXPRESSIONS = 16
MAX_EXPRESSION_VALUES = 64
ADDRESS_MAX_LENGTH = 43
"""39 characters of a fully written IPv6 address and "/128"."""

LABEL_VALUE_PATTERN = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
SECRET_KEY_PATTERN = r"^[-._a-zA-Z0-9]+$"
INTERFACE_PATTERN = r"^[^/\s]{1,15}$"

LabelKey = Annotated[str, Field(min_length=1, max_length=317, pattern=LABEL_KEY_PATTERN)]
LabelValue = Annotated[str, Field(max_length=63, pattern=LABEL_VALUE_PATTERN)]
Priority = Annotated[int, Field(ge=2, le=254)]
AddressText = Annotated[
    str,
    Field(
        min_length=2,
        max_length=ADDRESS_MAX_LENGTH,
        json_schema_extra=kubernetes(rules.ADDRESS, rules.ADDRESS_USABLE),
    ),
]


class LabelSelectorRequirement(Written):
    """One condition on a label."""

    model_config = ConfigDict(json_schema_extra=kubernetes(rules.EXPRESSION_VALUES))

    key: LabelKey
    """Label to look at."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """In and NotIn compare with `values`; Exists and DoesNotExist look at the key alone."""
    values: Annotated[tuple[LabelValue, ...], Field(max_length=MAX_EXPRESSION_VALUES, strict=False)] = ()
    """Values for In and NotIn (at least one); empty for Exists and DoesNotExist."""


class LabelSelector(Written):
    """Selects nodes by their labels, as every Kubernetes label selector: all conditions must hold."""

    match_labels: Annotated[
        dict[str, LabelValue], Field(max_length=MAX_EXPRESSIONS, json_schema_extra=kubernetes(rules.LABEL_KEYS))
    ] = Field(default_factory=dict)
    """Labels that a node must have, with these values."""
    match_expressions: Annotated[
        tuple[LabelSelectorRequirement, ...], Field(max_length=MAX_EXPRESSIONS, strict=False)
    ] = ()
    """Further conditions, which must hold as well."""


class Toleration(Written):
    """A taint that the speaker pods put up with, as in a pod's `tolerations`."""

    model_config = ConfigDict(json_schema_extra=kubernetes(rules.TOLERATION))

    key: LabelKey | None = None
    """Key of the taint; absent (with operator Exists): every taint."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """Equal [default] compares the taint's value; Exists accepts every value."""
    value: LabelValue | None = None
    """Value of the taint, for operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; absent: every effect."""


class NodePriority(Written):
    """Another priority for some nodes: give exactly one of `name` and `selector`."""

    model_config = ConfigDict(json_schema_extra=kubernetes(rules.PRIORITY_TARGET))

    name: ObjectName | None = None
    """Name of one node."""
    selector: LabelSelector | None = None
    """Labels of the nodes."""
    priority: Priority
    """Wanted priority of these nodes, 2 to 254."""


class Nodes(Written):
    """Which nodes take part, and which of them are preferred."""

    selector: LabelSelector | None = None
    """Nodes that take part, by their labels. Absent: all nodes whose taints are tolerated."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=MAX_TOLERATIONS, strict=False)] = ()
    """Taints to put up with, e.g. to let control-plane nodes take part. What a DaemonSet tolerates by itself is added."""
    priorities: Annotated[tuple[NodePriority, ...], Field(max_length=MAX_NODE_PRIORITIES, strict=False)] = ()
    """Priorities that differ from spec.priority. The first entry that fits a node counts."""


class SecretKeyReference(Written):
    """A key of a Secret."""

    model_config = ConfigDict(json_schema_extra=kubernetes(rules.SECRET_PLACE_LENGTH))

    namespace: DNSLabel | None = None
    """Namespace of the Secret. Absent: the operator's (vipkeeper, as a rule). In another one the operator may read it
    when a RoleBinding there lets it get this Secret; together with `name` at most 187 characters."""
    name: Annotated[str, Field(min_length=1, max_length=189, pattern=DNS_SUBDOMAIN_PATTERN)]
    """Name of the Secret."""
    key: Annotated[str, Field(min_length=1, max_length=63, pattern=SECRET_KEY_PATTERN)]
    """Key in its `data`."""


class SecretSource(Written):
    """Where a secret comes from: give exactly one of `secretRef` and `file`."""

    model_config = ConfigDict(json_schema_extra=kubernetes(rules.SECRET_SOURCE))

    secret_ref: SecretKeyReference | None = None
    """In a cluster: a key of a Secret. A line end behind a text is no part of the secret."""
    file: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
    """For `vipkeeper run`, and refused in a cluster: a file, relative to the folder of this document. Only root should
    be able to read it. It is read again on SIGHUP."""


class Password(SecretSource):
    """The password of version 2 (RFC 2338 type 1, keepalived's `auth_type PASS`)."""


class HMACKey(SecretSource):
    """One key."""

    id: Annotated[int, Field(ge=1, le=255)]
    """Number of the key, 1 to 255, the same on every router: each advertisement names the key that it was signed with."""


class HMAC(Written):
    """A signature behind each advertisement, as keepalived 2.4 has it (auth_hmac, HMAC-SHA256), with version 2 and 3,
    IPv4 and IPv6. It is checked that an advertisement comes from somebody who has a key, and that it is no older one
    played again. The clocks of all routers must agree within `replayWindow`."""

    model_config = ConfigDict(json_schema_extra=kubernetes(rules.HMAC_ACTIVE_KEY))

    keys: Annotated[
        tuple[HMACKey, ...],
        Field(
            min_length=1,
            max_length=MAX_HMAC_KEYS,
            strict=False,
            json_schema_extra=kubernetes(rules.HMAC_KEY_IDS_UNIQUE),
        ),
    ]
    """Keys that are accepted, 1 to 8, each of 32 to 64 bytes (`openssl rand -hex 32`). To change a key without a gap:
    add the new one, with a new id, on all routers; then make it the `activeKey`; then remove the old one."""
    active_key: Annotated[int | None, Field(ge=1, le=255)] = None
    """Id of the key that signs. Absent: the first one of `keys`."""
    mode: Literal["Enforce", "Permissive", "ReceiveOnly"] = "Enforce"
    """Enforce [default]: sign, and take nothing without a good signature. Permissive: sign, and take also what has no
    signature. ReceiveOnly: do not sign; take what has none. A wrong signature is refused in each of them. To bring
    signatures into a running network: ReceiveOnly everywhere, then Permissive everywhere, then Enforce."""
    replay_window: Annotated[
        str | None,
        Field(max_length=16, json_schema_extra=kubernetes(rules.DURATION_TEXT, rules.REPLAY_WINDOW_BOUNDS)),
    ] = None
    """How far the time in a signature may be from this node's clock, 1s to 900s. Absent: three advertisement intervals,
    at least 5s."""


class Authentication(Written):
    """How routers prove that they belong to the virtual router: give exactly one of `pass` and `hmac`."""

    model_config = ConfigDict(json_schema_extra=kubernetes(rules.AUTHENTICATION))

    pass_: Annotated[Password | None, Field(alias="pass")] = None
    """Version 2 only: a password of 1 to 8 printable ASCII characters, sent with every advertisement for everybody on
    the network to read. It keeps apart routers that were configured by mistake with one VRID, and it is no protection
    against anybody who means harm (RFC 9568 section 9): use `hmac` for that."""
    hmac: HMAC | None = None
    """Signed advertisements, version 2 and 3. All routers of the VRID must be able to check them: vipkeeper, or
    keepalived 2.4 and newer."""


class VRRP(Written):
    """How the nodes elect the one that holds the addresses (VRRP: RFC 9568)."""

    model_config = ConfigDict(
        json_schema_extra=kubernetes(
            rules.INTERVAL_BOUNDS,
            rules.INTERVAL_BOUNDS_V2,
            rules.PREEMPT_DELAY_NEEDS_PREEMPT,
            rules.MIN_TTL_NEEDS_UNICAST,
            rules.VIRTUAL_MAC_NEEDS_MULTICAST,
            rules.PASS_NEEDS_VERSION_2,
        )
    )

    version: Literal[3, 2] = 3
    """Version of VRRP that is sent and understood, 3 [default] or 2. All routers of a VRID must speak the same one: at a
    change, two nodes may hold the addresses until the last one has it. 2 (RFC 3768) is for neighbours that know nothing
    else: the first address must be IPv4, and intervals are whole seconds, the same everywhere."""

    advertisement_interval: Annotated[
        str | None,
        Field(
            max_length=16,
            json_schema_extra=kubernetes(rules.INTERVAL_TEXT, rules.INTERVAL_STEP),
        ),
    ] = None
    """Time between two advertisements of the Active: 10ms to 40.95s in steps of 10ms, e.g. "100ms", "1s" [250ms];
    with version 2 1s to 255s in whole seconds [1s]. A node that fails is replaced after about three to four intervals."""
    preempt: bool = True
    """true [default]: a node with a higher priority takes the addresses when it comes (back).
    false: whoever holds them keeps them until it fails."""
    preempt_delay: Annotated[
        str,
        Field(max_length=16, json_schema_extra=kubernetes(rules.DURATION_TEXT, rules.PREEMPT_DELAY_BOUNDS)),
    ] = "0s"
    """How long a node that has come (back) leaves the addresses with a node of lower priority, 0s to 900s [0s]: time
    for what it serves to warm up. Counted from its start, or from when it was healthy and connected again. When the
    other node fails meanwhile it does not wait."""
    families: Literal["Together", "Separate"] = "Together"
    """How addresses of both families are elected. Together [default]: one election, in the family of the first address;
    the others move along and claim no VRID there. Separate: one election for each family, with the same VRID and
    priorities, as RFC 9568 has it and other routers expect it: each family moves when it has to, and the two may be on
    different nodes. Fixed when the object is made."""
    accept_mode: bool = True
    """true [default]: the Active answers on the addresses: to pings, and with what listens there. false: it drops what is
    addressed to them, by a packet filter of its own (nftables), for addresses that are next hops of routes and nothing
    else; what is routed through goes on, ARP and IPv6 neighbour discovery work. Not together with `nginx`."""
    checksum: Literal["PseudoHeader", "MessageOnly"] = "PseudoHeader"
    """What the checksum of advertisements covers in IPv4. PseudoHeader [default]: addresses and length of the IP header
    too, as keepalived and FRR send and demand it. MessageOnly: the message alone, as RFC 9568 section 5.2.8 has it, for
    routers that demand that. Both forms are accepted from others, whatever stands here."""
    transport: Literal["Multicast", "Unicast"] = "Multicast"
    """How advertisements travel. Multicast [default]: to 224.0.0.18 or ff02::12, as RFC 9568 has it. Unicast: to each
    other node that takes part, for networks that do not carry multicast; only these nodes are listened to, so no other
    router can be part of it. The addresses of the nodes are found by the operator, or are given to `vipkeeper run`
    with --peer. Either way all nodes must be on one segment. At a change, two nodes may hold the addresses until the
    last one has it."""
    min_ttl: Annotated[int, Field(ge=1, le=255, alias="minTTL")] = 255
    """Lowest TTL (IPv6: Hop Limit) of advertisements that are taken by unicast, 1 to 255 [255]. Ours leave with 255, and
    each router on their way takes one off; so 255 means: from this very network. keepalived sends 64 by unicast in
    IPv6, unless it is told `unicast_ttl 255`."""
    authentication: Authentication | None = None
    """How advertisements are authenticated. Absent: not at all, as RFC 9568 has it; whoever can send to the network
    can then take the addresses."""
    virtual_mac: Annotated[bool, Field(alias="virtualMAC")] = False
    """false [default]: the addresses answer with the MAC address of the Active's interface, and clients learn the new
    one at a move. true: with the virtual router's own, 00:00:5e:00:01:VRID in IPv4 and 00:00:5e:00:02:VRID in IPv6
    (RFC 9568 section 7.3; the family of the first address counts), so that a move changes nothing for clients. Each
    node gets a macvlan for it on the interface, which must be Ethernet; the network must accept that MAC address on
    each node's port."""


class HealthCheck(Written):
    """What every check has."""

    host: Annotated[str, Field(min_length=2, max_length=39, json_schema_extra=kubernetes(rules.CHECK_HOST))] = (
        "127.0.0.1"
    )
    """IP address to check, seen from the node [127.0.0.1]. Never one of `addresses`: on a Backup that would check the
    Active's server."""
    port: Port
    """TCP port, 1 to 65535."""
    interval: Annotated[
        str,
        Field(max_length=16, json_schema_extra=kubernetes(rules.DURATION_TEXT, rules.CHECK_INTERVAL_BOUNDS)),
    ] = "1s"
    """Time from one check to the next, 100ms to 300s [1s], give or take a tenth so that nodes do not check in step."""
    timeout: Annotated[
        str,
        Field(max_length=16, json_schema_extra=kubernetes(rules.DURATION_TEXT, rules.CHECK_TIMEOUT_BOUNDS)),
    ] = "1s"
    """How long a check may take, 10ms to 60s [1s]. The next one starts after it has ended."""
    rise: Annotated[int, Field(ge=1, le=100)] = 2
    """Good checks in a row after which a failed node counts as healthy again, 1 to 100 [2]."""
    fall: Annotated[int, Field(ge=1, le=100)] = 3
    """Bad checks in a row after which the node counts as failed, 1 to 100 [3]."""


class HTTPCheck(HealthCheck):
    """GET over HTTP: a status from 200 to 399 is good."""

    path: Annotated[str, Field(max_length=1024, pattern=rules.HTTP_PATH_PATTERN)] = "/"
    """Path and query to ask for [/]."""


class TCPCheck(HealthCheck):
    """A connection that is accepted is good."""


class PodSelector(Written):
    """Pods, by namespace and labels; all conditions must hold."""

    model_config = ConfigDict(json_schema_extra=kubernetes(rules.POD_SELECTOR_EMPTY))

    namespace: Annotated[str, Field(min_length=1, max_length=63, pattern=rules.NAMESPACE_PATTERN)]
    """Namespace of the pods."""
    match_labels: Annotated[
        dict[str, LabelValue], Field(max_length=MAX_EXPRESSIONS, json_schema_extra=kubernetes(rules.LABEL_KEYS))
    ] = Field(default_factory=dict)
    """Labels that a pod must have, with these values."""
    match_expressions: Annotated[
        tuple[LabelSelectorRequirement, ...], Field(max_length=MAX_EXPRESSIONS, strict=False)
    ] = ()
    """Further conditions, which must hold as well."""


class Health(Written):
    """What must be good on a node, beside nginx, which is watched wherever there is an nginx section. A node where
    anything of it fails gives the addresses away as long as another one is healthy. A node that starts holds back until
    its checks have answered once. Beside the checks, one idle connection is held open to each server whose `host` is an
    address of the node itself: when it breaks and the next one is refused, the node gives up at once."""

    http: Annotated[tuple[HTTPCheck, ...], Field(max_length=MAX_CHECKS, strict=False)] = ()
    """HTTP checks, up to 8; all must be good."""
    tcp: Annotated[tuple[TCPCheck, ...], Field(max_length=MAX_CHECKS, strict=False)] = ()
    """TCP checks, up to 8; all must be good."""
    pod_selector: PodSelector | None = None
    """Pods of which at least one on this node must be ready: for what runs as pods behind the addresses, an ingress
    controller for example. A node without such a pod counts as failed (PodsNotReady). Not with `vipkeeper run`."""
    on_failure: Literal["Yield", "Release"] = "Yield"
    """What a node does that fails, nginx included. Yield [default]: it hands the addresses over and stays as the last
    resort, with priority 1; when all nodes fail, exactly one of them still holds the addresses. Release: it hands them
    over and takes no part until it is healthy again; when all nodes fail, nobody holds them. A node of which nothing
    is known has not failed."""


class SplitBrain(Written):
    """What is done so that the addresses have one holder although nodes do not hear each other's advertisements."""

    witness: bool = True
    """true [default]: a node that misses advertisements asks the Active by unicast whether it is alive before it takes
    over, in the time that VRRP waits anyway; so a firewall that drops VRRP makes no second holder, and is told as
    condition MulticastBlocked. false: silence is enough, as in any VRRP. With all ways between two nodes blocked both
    may hold the addresses, whatever stands here, until they hear each other again. Without effect where nodes do not
    talk to each other (chart value peers.enabled; `vipkeeper run` without --key-file)."""


class VirtualIPSpec(Written):
    """What you want: addresses that one healthy node holds at any time."""

    model_config = ConfigDict(
        json_schema_extra=kubernetes(
            rules.VERSION_2_NEEDS_IPV4,
            rules.MESSAGE_ONLY_NEEDS_IPV4,
            rules.INSTALL_PREFIX_NEEDS_PREFIX,
            rules.NO_NGINX_WITHOUT_ACCEPT,
            rules.SEPARATE_NEEDS_VERSION_3,
            rules.CHECKS_NEEDED,
            rules.FAMILIES_FIXED,
        )
    )

    vrid: Annotated[int | None, Field(ge=1, le=255)] = None
    """Virtual router identifier, 1 to 255: unique on the layer-2 network among all VRRP routers, keepalived's too.
    Absent: the operator chooses one that it has not heard of on the segment, and keeps it in status.vrid."""
    priority: Priority = 100
    """Wanted priority of every node, 2 to 254 [100]; `nodes.priorities` makes exceptions. The healthy node with the
    highest one is Active. Among equals the operator ranks the nodes, so that an election never ties."""
    addresses: Annotated[
        tuple[AddressText, ...],
        Field(
            min_length=1,
            max_length=MAX_ADDRESSES,
            strict=False,
            json_schema_extra=kubernetes(rules.ADDRESSES_UNIQUE),
        ),
    ]
    """Virtual addresses, 1 to 20, IPv4 and IPv6, e.g. 192.0.2.10 or 2001:db8::10. They move together; the election
    runs in the family of the first one. A prefix length (192.0.2.10/24) helps to find the interface, no more, unless
    `installPrefix` is true."""
    install_prefix: bool = False
    """false [default]: the kernel gets each address as /32 or /128, and no route. true: with the prefix length that is
    written in `addresses`, so that the Active has a route to the subnet as long as it holds the address (in IPv6 for a lease more, about three intervals); for subnets in
    which the nodes have no address of their own. Name the `interface` then: a Backup has nothing that tells it."""
    interface: Annotated[
        str | None, Field(max_length=15, pattern=INTERFACE_PATTERN, json_schema_extra=kubernetes(rules.INTERFACE))
    ] = None
    """Network interface on every node. Absent: each node takes the one whose subnet holds the first address, else that
    of its default route."""
    nodes: Nodes | None = None
    """Which nodes take part. Absent: all whose taints are tolerated, equally."""
    vrrp: VRRP | None = None
    """How the nodes elect the Active one. Absent: version 3, an advertisement each 250ms, with preemption."""
    drain_policy: Literal["OnDrain", "OnCordon", "Ignore"] = "OnDrain"
    """When a node gives the addresses away because it is to be emptied. OnDrain [default]: when it is unschedulable and
    pods are being evicted from it, or it has a taint of a program that drains it. OnCordon: as soon as it is
    unschedulable. Ignore: never; it goes on until its speaker stops. Such a node hands over, and steps back to priority
    1 until it takes pods again (`kubectl uncordon`); when all nodes are emptied, the last one keeps the addresses.
    Without effect for `vipkeeper run`."""
    split_brain: SplitBrain | None = None
    """What is done against two holders. Absent: the witness is asked."""
    health: Health | None = None
    """Checks of what serves on the addresses, beside nginx, which is always watched, and what a node does when it is
    ill. Absent: no checks, and Yield."""
    nginx: Nginx | None = None
    """What nginx serves on the addresses. Absent: nothing; whatever listens on the nodes answers."""


class NodeStatus(Reported):
    """One node's part."""

    name: str
    """Name of the node."""
    state: str
    """Initialize, Backup, Active (RFC 9568 section 6.3); Unknown: its speaker is silent; Absent: no speaker (yet)."""
    priority: int | None = None
    """Priority in force; 1: the node is unhealthy and steps back."""
    interface: str | None = None
    """Network interface on which it runs."""
    health: str
    """Healthy, or the reasons why not, joined by commas; or `Damped until TIME`: healthy, but it has failed several times
    of late, and waits behind all others that are healthy."""
    since: Moment | None = None
    """Since when it is in this state."""


class Transition(Reported):
    """The last move of the addresses from node to node."""

    from_: Annotated[str, Field(alias="from")] = ""
    """Node that held the addresses before."""
    to: str = ""
    """Node that took them; empty while nobody has."""
    reason: str = ""
    """Why, e.g. NoResponse, PriorityZero, HigherPriority."""
    duration_ms: float | None = None
    """Milliseconds from the old Active's last advertisement to the new one's first; absent when not known."""
    time: Moment
    """When."""


class MoveStatus(Reported):
    """What became of the annotation `vipkeeper.dev/move-to`."""

    node: str
    """Node that shall hold the addresses."""
    phase: str
    """Accepted: it is about to take them. Done: it has them and keeps them. Refused: it can't, see reason. Ended: it had
    them, and another node took over since; priorities decide again. Remove the annotation to release the addresses."""
    reason: str = ""
    """Why it was refused, or has ended."""
    since: Moment
    """Since when it is in this phase."""


class Condition(Reported):
    """As every condition of Kubernetes (metav1.Condition)."""

    type: Annotated[str, Field(max_length=316)]
    """Name of the condition."""
    status: Literal["True", "False", "Unknown"]
    """True, False or Unknown."""
    observed_generation: int | None = None
    """Generation of the object that the condition was made from."""
    last_transition_time: Second
    """When `status` changed last."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """Why, in one word."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """Why, for people."""


class SecondFamily(Reported):
    """The election of the second address family (`vrrp.families: Separate`)."""

    family: str
    """IPv4 or IPv6."""
    addresses: str | None = None
    """Its virtual addresses, joined by commas."""
    active_node: str | None = None
    """Node that holds them; absent when nobody does."""
    interface: str | None = None
    """Network interface on that node."""
    backups: int | None = None
    """How many healthy nodes could take over."""
    nodes: Annotated[tuple[NodeStatus, ...], Field(json_schema_extra=list_map("name"))] = ()
    """All nodes that take part, by name."""
    last_transition: Transition | None = None
    """The last move of these addresses from node to node."""


class VirtualIPStatus(Reported):
    """What the nodes run now, written by the operator."""

    vrid: int | None = None
    """Virtual router identifier in use; pinned here when it was allocated."""
    addresses: str | None = None
    """The virtual addresses, joined by commas."""
    active_node: str | None = None
    """Node that holds the addresses; absent when nobody does."""
    interface: str | None = None
    """Network interface on the Active node."""
    backups: int | None = None
    """Number of healthy nodes that would take over."""
    nodes: Annotated[tuple[NodeStatus, ...], Field(json_schema_extra=list_map("name"))] = ()
    """All nodes that take part, by name."""
    second_family: SecondFamily | None = None
    """The other election, with `vrrp.families: Separate`: activeNode, interface, nodes and lastTransition of this object
    are then those of the first address's family."""
    last_transition: Transition | None = None
    """The last move from node to node; absent as long as the first holder has them."""
    move: MoveStatus | None = None
    """What became of a wish (annotation vipkeeper.dev/move-to); absent without one."""
    observed_generation: int | None = None
    """Generation of this object that all nodes with a running speaker run."""
    conditions: Annotated[tuple[Condition, ...], Field(json_schema_extra=list_map("type"))] = ()
    """Accepted: the spec is good. Programmed: all nodes run it. Ready: exactly one node holds the addresses.
    When they apply: SplitBrain, NginxReady, Degraded (no healthy backup), MulticastBlocked (nodes do not hear each
    other's advertisements), AddressConflict (somebody else answers for an address), VRIDConflict (another virtual router
    on the segment has the same VRID), HealthFlaps (a node fails again and again and is held back)."""

    def condition(self, type_: str) -> Condition | None:
        return next((item for item in self.conditions if item.type == type_), None)


def parse_status(value: object) -> VirtualIPStatus:
    """The status as we wrote it before; an empty one for what can't be read (it is rebuilt from the speakers)."""
    try:
        return VirtualIPStatus.model_validate(value or {})
    except ValueError:
        return VirtualIPStatus()
