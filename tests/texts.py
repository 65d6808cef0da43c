"""The corpus of most tests: short texts of our own, a few to each topic."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """One document of the corpus."""

    topic: str
    text: str


TEXTS = [
    Text(topic, text)
    for topic, texts in {
        "climate": [
            "Winter storm with hurricane winds sweeps across western Europe",
            "Warming climate brings heavier storms to Europe's coasts, study says",
            "Floods in central Europe blamed on a changing climate",
            "Heatwave breaks temperature records from Lisbon to Warsaw",
            "Alpine glaciers lose a tenth of their ice in two summers",
            "European ministers agree on deeper cuts to carbon emissions",
            "Dutch engineers raise the dykes before the storm season",
        ],
        "weather": [
            "Light rain tomorrow, clearing by noon",
            "Fog closes the airport for the third morning in a row",
            "First snow of the year falls in the hills",
            "Cyclone heads for the northern coast of Australia",
        ],
        "sport": [
            "Local club wins the football cup on penalties",
            "Swimmer takes gold in the 200 metres backstroke",
            "Marathon runner disqualified for taking the tram",
            "Coach resigns after seven defeats",
            "Tennis final postponed because of rain",
            "Cyclists protest against the new route over the pass",
        ],
        "money": [
            "Central bank raises interest rates by a quarter point",
            "Shares in the car maker fall after a recall",
            "Bakery chain to open forty new shops",
            "Inflation slows for the fifth month",
            "Tax office warns of letters that ask for card numbers",
        ],
        "health": [
            "Hospital waiting lists are the longest in ten years",
            "New vaccine protects infants against whooping cough",
            "Doctors advise older people to walk every day",
            "Nurses vote for a strike over pay",
            "Trial of a malaria drug ends early with good results",
        ],
        "food": [
            "A recipe for onion soup with toasted cheese",
            "How to keep basil alive on the windowsill",
            "Cheese makers fear the new labelling rules",
            "Olive harvest is the poorest since 1990",
            "Why bread goes stale, and what to do with it",
        ],
        "science": [
            "Telescope finds water vapour on a distant planet",
            "Octopuses recognise the people who feed them",
            "Physicists weigh the neutrino more precisely",
            "Fossil of a feathered dinosaur found by schoolchildren",
            "Mathematician proves a conjecture about prime numbers",
        ],
        "computing": [
            "Search engine for short texts runs in a single function",
            "Security hole in a popular router lets anyone in",
            "Old video game released for free after thirty years",
            "How do I reset my password?",
            "Chip shortage delays the new laptops until spring",
            "Programmers argue about tabs and spaces again",
        ],
        "travel": [
            "Night trains return between Paris and Vienna",
            "Ferry to the islands cancelled until Thursday",
            "Ten quiet beaches that you can reach by bus",
            "Passport queues: what to do when your flight leaves in an hour",
        ],
        "culture": [
            "Museum returns bronze statues to Nigeria",
            "Orchestra plays Beethoven's ninth in a railway station",
            "Novelist wins prize for a book without the letter e",
            "Film about beekeepers opens the festival",
            "Lost photographs of the city turn up in an attic",
        ],
        "council": [
            "Council votes to plant a thousand trees along the ring road",
            "Bridge closed to lorries after cracks are found",
            "Residents object to a car park beside the school",
            "Man charged over break-in at the post office",
            "Police search for a missing dog called Biscuit",
            "Fire destroys a barn near the river; nobody is hurt",
        ],
        "other": [
            "storm",
            "Σίσυφος κυλούσε τον βράχο 🪨",
            "Übermorgen wird in Köln das Café wieder eröffnet",
        ],
    }.items()
    for text in texts
]
