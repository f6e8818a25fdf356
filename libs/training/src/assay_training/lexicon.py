"""Words that can take each other's place: near synonyms keep what a sentence says, opposites turn it round."""

from collections.abc import Mapping

_SYNONYMS = """
begin start|begins starts|began started|buy purchase|help assist|helps assists|show demonstrate
shows demonstrates|showed demonstrated|use employ|uses employs|used employed|get obtain|gets obtains
obtained got|big large|many numerous|important significant|also additionally|however nevertheless
because since|about approximately|around roughly|near close|often frequently|usually generally|keep retain
keeps retains|kept retained|give provide|gives provides|gave provided|need require|needs requires
needed required|make create|makes creates|made created|build construct|built constructed|end finish
ended finished|found discovered|find discover|tell inform|told informed|ask request|asked requested
send transmit|sent transmitted|change modify|changes modifies|changed modified|choose select|chosen selected
fast quick|main primary|whole entire|part portion|kind type|kinds types|people persons|kids children
illness disease|illnesses diseases|doctor physician|doctors physicians|medicine drug|car automobile|movie film
movies films|job occupation|firm company|firms companies|nation country|nations countries|error mistake
errors mistakes|aim goal|aims goals|method approach|methods approaches|result outcome|results outcomes
study investigation|studies investigations|test examination|tests examinations|data information|collect gather
collects gathers|collected gathered|share disclose|shared disclosed|gathered acquired|personal private
allow permit|allows permits|allowed permitted|must shall|should ought to|try attempt|tried attempted
reduce lower|reduces lowers|reduced lowered|rise increase|rises increases|fall decline|cause lead to
causes leads to|caused led to|include comprise|includes comprises|contain hold|contains holds
well-known famous|author writer|child kid|wife spouse|husband spouse|died passed away
born brought into the world|located situated|area region|areas regions|road street|ship vessel|ships vessels
stop cease|stopped ceased|happen occur|happens occurs|happened occurred|various several|different distinct
similar comparable|enough sufficient|simple easy|hard difficult|quickly rapidly|mostly mainly|currently now
previously formerly|almost nearly|every each|whether if|within inside|return give back|returns gives back
specify define|specifies defines|specified defined|function routine|functions routines|call invoke
called invoked|default standard|error failure|delete remove|deletes removes|deleted removed|set assign
value setting|user account holder|users visitors|website site|websites sites|web internet|email e-mail
contact reach|protect guard|protects guards|protected guarded|secure safe|law legislation|laws legislation
agree consent|according to as stated by|per cent percent|compared with relative to|associated with linked to
led to resulted in|due to because of|at least no fewer than|more than over|less than under|up to a maximum of
such as for example|as well as and also|is able to can|are able to can|has to must|have to must
each year annually|per year a year|every day daily|twice two times|the same identical|in addition besides
for example for instance
""".replace("\n", "|")

_OPPOSITES = """
increase decrease|increases decreases|increased decreased|increasing decreasing|rise fall|rises falls
rose fell|rising falling|higher lower|high low|highest lowest|more less|more fewer|most least|greater smaller
larger smaller|largest smallest|large small|big small|long short|longer shorter|longest shortest|early late
earlier later|first last|before after|above below|over under|always never|all no|all some|every no|many few
often rarely|frequently seldom|usually rarely|with without|include exclude|includes excludes|included excluded
including excluding|allow forbid|allows forbids|allowed forbidden|permitted prohibited|may must not|can cannot
must need not|must may|required optional|mandatory optional|enable disable|enables disables|enabled disabled
accept reject|accepts rejects|accepted rejected|accept refuse|agree disagree|positive negative
positively negatively|possible impossible|likely unlikely|better worse|best worst|good bad|strong weak
stronger weaker|strongly weakly|safe dangerous|true false|correct incorrect|right wrong|valid invalid
same different|similar different|common rare|known unknown|public private|open closed|opens closes
opened closed|internal external|inside outside|start end|starts ends|started ended|begin end|begins ends
began ended|win lose|won lost|buy sell|bought sold|enter leave|entered left|arrive depart|born killed
alive dead|survived died|married divorced|male female|men women|man woman|boy girl|boys girls|father mother
son daughter|brother sister|husband wife|king queen|he she|his her|north south|northern southern|east west
eastern western|left right|top bottom|upper lower|young old|younger older|youngest oldest|new old|newer older
hot cold|warm cool|wet dry|light dark|heavy light|fast slow|faster slower|hard soft|rich poor|cheap expensive
easy difficult|simple complex|full empty|complete incomplete|success failure|successful unsuccessful
succeeded failed|support oppose|supports opposes|supported opposed|promote inhibit|promotes inhibits
promoted inhibited|activates suppresses|activated suppressed|activation inhibition|induce prevent
induces prevents|induced prevented|cause prevent|causes prevents|caused prevented|improve worsen
improves worsens|improved worsened|gain loss|gained lost|benefit harm|benefits harms|beneficial harmful
effective ineffective|efficient inefficient|sufficient insufficient|significant insignificant
significantly hardly|acute chronic|primary secondary|major minor|maximum minimum|at least at most
up to at least|more than less than|both neither|either neither|each none|up down|upward downward
forward backward|add remove|adds removes|added removed|create delete|creates deletes|created deleted
insert delete|read write|reads writes|encrypted unencrypted|automatic manual|automatically manually
temporary permanent|local remote|global local|static dynamic|mutable immutable|ascending descending
visible hidden|present absent|active inactive|online offline|voluntary compulsory|keep discard|keeps discards
retain delete|share withhold|shares withholds|collect delete|send receive|sends receives|sent received
daily weekly|weekly monthly|monthly yearly|annually monthly|once twice|twice three times|hours days|days weeks
weeks months|months years|minutes hours|seconds minutes|hour day|day week|week month|month year
metres kilometres|miles kilometres|thousand million|million billion|percent times|morning evening
summer winter|spring autumn|monday thursday|tuesday friday|wednesday sunday|thursday tuesday|friday monday
saturday wednesday|sunday saturday|january june|february october|march november|april september|may december
june february|july march|august january|september april|october july|november august|december may
american british|british french|french german|english spanish|european asian|white black|red blue|green yellow
black white|student teacher|students teachers|patient doctor|parent child|employer employee|employees managers
customer supplier|seller buyer|client server|author publisher|actor director|singer painter
president secretary|city village|country town
""".replace("\n", "|")

NUMBER_WORDS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "fifteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "hundred",
]
SPELLED = {str(n): word for n, word in enumerate(NUMBER_WORDS[:12], start=1)}
AUXILIARIES = [
    "is",
    "are",
    "was",
    "were",
    "can",
    "could",
    "will",
    "would",
    "should",
    "may",
    "might",
    "must",
    "has",
    "have",
    "had",
    "does",
    "do",
    "did",
]
PREFIXES = (
    "According to the document, ",
    "According to the passage, ",
    "The passage states that ",
    "The document says that ",
    "Based on the context, ",
    "Based on the provided sources, ",
    "Yes, ",
    "I think ",
    "I know that ",
    "It is stated that ",
    "The text mentions that ",
    "In short, ",
)


def _pairs(text: str) -> list[tuple[str, str]]:
    """Half of an entry each: both halves may be of several words, and then the first is the longer one."""
    found: list[tuple[str, str]] = []
    for entry in filter(None, (part.strip() for part in text.split("|"))):
        words = entry.split()
        half = _split(words)
        found.append((" ".join(words[:half]), " ".join(words[half:])))
    return found


_LONG_STARTS = {
    "according to", "compared with", "associated with", "led to", "due to", "in order", "at least", "more than",
    "less than", "up to", "such as", "as well", "is able", "are able", "has to", "have to", "each year", "per year",
    "every day", "the same", "in addition", "for example", "per cent",
}  # fmt: skip
_LONG_FIRST = {"in order to": 3, "as well as": 3, "is able to": 3, "are able to": 3}


def _split(words: list[str]) -> int:
    if " ".join(words[:3]) in _LONG_FIRST:
        return 3
    return 2 if " ".join(words[:2]) in _LONG_STARTS else 1


def _both_ways(pairs: list[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for a, b in pairs:
        found[a] = (*found.get(a, ()), b)
        found[b] = (*found.get(b, ()), a)
    return found


SYNONYMS = _both_ways(_pairs(_SYNONYMS))
OPPOSITES = _both_ways(_pairs(_OPPOSITES))
