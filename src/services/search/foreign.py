"""A light judgement whether a query is in another language than English: by its script and its everyday words.

It is meant to be right about sentences, and to let single names alone: "café", "Köln" or "piñata" say nothing of the
language.
"""

from __future__ import annotations

import re

SENTENCE = (
    "This does not look like English, and the model in use reads English only: what photos show is hardly found so. "
    "Ask in English; words in names, tags, notes and pictures are found in any language."
)

_WORD = re.compile(r"[^\W\d_]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FOREIGN = _words(
    """
    ein eine einem einen einer eines der das dem den und mit auf im am vom zum zur ist sind steht sitzt läuft springt
    spielt über unter vor hinter neben zwei drei hund hunde katze mann männer frau frauen junge jungen mädchen kind
    kinder haus baum wasser strand auto schnee straße berg vogel blume rot rote roter grün blau schwarz schwarzer weiß
    weißer braun brauner gelb nicht ich wir sie
    un une des les du dans sur avec et est sont deux trois qui aux au chien chiens chat homme hommes femme femmes garçon
    fille filles enfant enfants maison arbre eau plage voiture neige rue montagne oiseau fleur rouge noir noire blanc
    blanche vert bleu jaune
    el los las del una unos unas con en y por para que es está perro perros gato hombre hombres mujer mujeres niño niña
    niños casa árbol agua playa coche nieve calle montaña pájaro flor rojo roja negro negra blanco blanca verde azul
    amarillo dos tres sobre corriendo
    il lo gli della nella sul sulla che sono cane gatto uomo donna ragazzo ragazza bambino bambina acqua spiaggia neve
    strada rosso nero bianco um uma os da nos nas com em não são cão cachorro homem mulher menino menina criança água
    praia carro neve vermelho preto branco
    een het van aan op voor naar bij met door hond honden kat vrouw jongen meisje kinderen mensen huis boom strand
    sneeuw straat zwarte witte bruine rode staat zit rent speelt twee
    na v ve se si po před za pes psi muž žena dívka chlapec dítě děti dva dvě stojí sedí běží skáče dům strom voda pláž
    auto sníh hnědý černý bílý červený který která je jsou nad jest dwa dwie dziewczyna chłopiec kobieta mężczyzna śnieg
    woda plaża i w z
    en och på med som är hund katt kvinna pojke flicka barn vatten snö strand två mand dreng pige vand sne og av mann
    kvinne
    bergbeklimmer maakt springen lopen liggen staan houdt kijkt leute personen personne personnes groupe gruppe menschen
    skupina rodina lidí lidé někdo muži holčička velký malý dvěma u k do mezi přes při jeho její svého chce drží hraje
    leží skok
    bir ve ile köpek kedi adam kadın çocuk su kar ev
    """
)
_IN_BOTH = _words(
    """
    van los las el del la de du en un une por boom barn kind door rode met auto strand chat cane com am i vert v w rouge
    verde junge casa su mann para em los van fille flor und die dos tres uma sand man kat na z s se ve que dem den der
    das al des les don
    """
)
"""Such words as stand in English names and loans too: alone they tell nothing."""
_ENGLISH = _words(
    """
    a an the of and in on at with to from by for near over under is are was be has have his her its their this that it
    as while who two three man men woman women boy boys girl girls child children people person dog dogs cat cats photo
    picture my your our some or no not into through up down out off after before behind front standing sitting running
    playing wearing walking holding red blue green black white brown yellow young little old big small
    """
)


def looks_foreign(text: str) -> bool:
    """Whether a query is, more likely than not, in another language than English. False for what has no words."""
    words = _WORD.findall(text.casefold())
    letters = "".join(words)
    if not letters:
        return False
    if sum(ord(letter) >= 0x370 and not 0x1E00 <= ord(letter) < 0x2100 for letter in letters) * 2 > len(letters):
        return True
    if "¿" in text or "¡" in text:
        return True
    marked = [word for word in words if not word.isascii()] if len(words) >= 3 else []
    foreign = [word for word in words if word in _FOREIGN or word in marked]
    english = sum(word in _ENGLISH for word in words)
    sure = any(word not in _IN_BOTH for word in foreign)
    return sure and len(foreign) > english
