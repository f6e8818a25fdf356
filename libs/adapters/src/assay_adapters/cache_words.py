"""Words that decide what a question means, by the look that compares them. Embeddings hardly tell them apart."""

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen twenty"
)
_OTHER_NUMBERS = (
    "thirty forty fifty sixty seventy eighty ninety hundred thousand million billion first second third fourth fifth"
    " half quarter double twice triple once both dozen"
)
NUMBERS = {word: str(value) for value, word in enumerate(_NUMBER_WORDS.split())} | {
    word: word for word in _OTHER_NUMBERS.split()
}

_WORDS = {
    "negation": ("no not never none neither nor without except unless cannot nothing nobody nowhere hardly instead"),
    "scope": (
        "only all every each some most few several many least entire whole part partly always sometimes usually often"
        " rarely everyone anyone someone everybody anybody else also other another others own"
    ),
    "dates": (
        "before after since until during today tomorrow yesterday now currently next last previous past future monday"
        " tuesday wednesday thursday friday saturday sunday january february march april june july august september"
        " october november december spring summer autumn winter morning noon afternoon evening night midnight weekend"
        " weekday daily weekly monthly yearly earlier later early late"
    ),
    "units": (
        "second seconds minute minutes hour hours day days week weeks month months year years percent euro"
        " euros dollar dollars pound pounds crown crowns krona rupee rupees cent cents metre metres meter"
        " meters kilometre kilometres kilometer kilometers km mile miles foot feet inch inches cm mm gram"
        " grams kilogram kilograms kg mg ton tons tonne tonnes lb lbs litre litres liter liters ml gallon"
        " gallons degree degrees celsius fahrenheit byte bytes kb mb gb tb bit bits watt watts kw kwh volt"
        " volts amp amps eur usd gbp"
    ),
    "comparatives": (
        "more less fewer greater smaller bigger larger higher lower longer shorter faster slower older younger newer"
        " cheaper better worse easier harder safer stronger weaker warmer colder earlier sooner than above below over"
        " under within beyond minimum maximum min max best worst highest lowest largest smallest biggest longest"
        " shortest fastest slowest oldest youngest newest cheapest latest earliest easiest hardest strongest exactly"
        " almost"
    ),
    "polarity": (
        "increase reduce add remove include exclude allow forbid allowed forbidden required optional mandatory enable"
        " disable enabled disabled start stop end off open close opened closed accept reject approve deny grant revoke"
        " buy sell import export internal external old new current former true false male female men women man woman"
        " boy girl husband wife paid unpaid win lose gain loss give take send receive lend borrow love hate good bad"
        " right wrong legal illegal public private inside outside up down left pros cons advantages disadvantages"
        " benefits drawbacks positive negative success failure online offline"
    ),
}
LOOKS = {word: look for look, words in _WORDS.items() for word in words.split()}
SAME_UNIT = {
    word: word[:-1] for word in _WORDS["units"].split() if word.endswith("s") and word[:-1] in _WORDS["units"].split()
} | {"%": "percent", "€": "euro", "eur": "euro", "$": "dollar", "usd": "dollar", "£": "pound", "gbp": "pound"}
"""What is written in more than one way."""

_SIDED = "from to than into over versus vs by before after between against"
SIDED = frozenset(_SIDED.split())
"""Beside these, it matters which name or thing stands first."""

_COMMON = (
    "a an the is are was were be been being am do does did done has have had having can could will would shall"
    " should may might must of in at for to from as and or but if then this that these those there here it its i you"
    " he she we they me my your his her our their him us them what which who whom whose when where why how so very"
    " just really ever get got please tell know want need anyone way ways thing things mean means by about on with"
    " any s t m re ve ll d"
)
COMMON = frozenset(_COMMON.split())
"""Words that a question may gain or lose without meaning something else."""

_SAME = (
    "buy purchase|buying purchasing|bought purchased|start begin commence|starting beginning|started began|big large"
    "|bigger larger|biggest largest|fast quick quickly|faster quicker|fastest quickest|movie film|movies films"
    "|phone cellphone|phones cellphones|website site|websites sites|photo picture|photos pictures|company firm"
    "|companies firms|kid child|kids children|car automobile|cars automobiles|lawyer attorney|doctor physician"
    "|usa u.s u.s.a|uk u.k|tv television|ad advertisement|ads advertisements|exam examination|exams examinations"
    "|math maths mathematics|info information|get obtain|allow permit|allowed permitted|forbid prohibit"
    "|forbidden prohibited|reduce decrease|remove delete erase|fix repair|choose select pick|show display|help assist"
    "|use utilize|happen occur|happens occurs|hard difficult|easy simple|smart intelligent clever|rich wealthy"
    "|talk speak|yearly annual annually|everyone everybody|someone somebody|anyone anybody|mail email e-mail"
)
SAME_WORD = {word: group.split()[0] for group in _SAME.split("|") for word in group.split()[1:]}
"""Words that may stand for each other in any question, and the one of them that stands for all."""

PHRASES = (
    (
        r"\b(?:what|which) (?:is|are|was|were|would be) (?:(?:the|a|some|of) )*(?:best |good |right |correct |proper )?"
        r"(?:ways?|methods?)(?: to| of| for)?\b",
        "how to",
    ),
    (
        r"\bhow (?:do|does|did|can|could|should|would|will|may|might|must) (?:i|you|we|one|someone|anyone|people)\b",
        "how to",
    ),
    (r"\b(what|which) (is|are) some (?:of )?", r"\1 \2 "),
    (r"\b(?:can|could|would|will) (?:you|anyone|someone|anybody) (?:please )?(?:tell|explain to|show) (?:me|us)\b", ""),
    (r"\b(?:do|does) (?:you|anyone|anybody|someone) know\b", ""),
    (r"\bi (?:want|would like|need) to know\b", ""),
    (r"\b(what|who|where|how|when|why)'s\b", r"\1 is"),
)
"""Turns of phrase that ask the same, as regular expressions over any case, and what they are read as."""

ASKING = frozenset({"why", "how", "when", "where", "who", "whose", "whom"})
"""What a question asks for, unless that may be anything."""

_AUXILIARIES = (
    "is are was were am do does did has have had can could will would shall should may might must isn't aren't don't"
    " doesn't didn't can't won't"
)
AUXILIARIES = frozenset(_AUXILIARIES.split())
"""A question with one of these, and no word for what it asks, asks whether."""
